// Roles over time, a lane for each node, as SVG. Who leads is a tall bar, who follows a low one, who looks for a leader is
// hatched, who is down is dashed: no state is told by its colour alone. Elements are kept from one drawing to the next, so
// that what the pointer rests on stays.

const SVG = 'http://www.w3.org/2000/svg';
const LANE = 40;
const TALL = 22;
const LOW = 10;
const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [5000, 10000, 30000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR,
  3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 365 * DAY, 3650 * DAY];
const LOOKS = {
  leader: 'leader', standalone: 'leader', follower: 'follower', observer: 'follower', looking: 'looking', down: 'down',
};

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  }
  return element;
}

/** The children of a group, by key; those not asked for between begin() and end() go. */
class Layer {
  constructor(parent) {
    this.group = parent.appendChild(document.createElementNS(SVG, 'g'));
    this.known = new Map();
  }
  begin() { this.used = new Set(); }
  get(key, name, attributes, text) {
    let element = this.known.get(key);
    if (!element) {
      element = this.group.appendChild(document.createElementNS(SVG, name));
      this.known.set(key, element);
    }
    this.used.add(key);
    set(element, attributes);
    if (text !== undefined && element.textContent !== text) element.textContent = text;
    return element;
  }
  end() {
    for (const [key, element] of this.known) {
      if (this.used.has(key)) continue;
      element.remove();
      this.known.delete(key);
    }
  }
}

function hatch() {
  const pattern = document.createElementNS(SVG, 'pattern');
  set(pattern, {id: 'hatch', width: 6, height: 6, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)'});
  const ground = pattern.appendChild(document.createElementNS(SVG, 'rect'));
  set(ground, {class: 'hatch-ground', width: 6, height: 6});
  const line = pattern.appendChild(document.createElementNS(SVG, 'path'));
  set(line, {class: 'hatch-line', d: 'M0 0v6'});
  const defs = document.createElementNS(SVG, 'defs');
  defs.append(pattern);
  return defs;
}

function clock(span) {
  if (span > 300 * DAY) return {year: 'numeric', month: 'short'};
  if (span > 2 * DAY) return {month: 'short', day: 'numeric'};
  const parts = {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'};
  return span < 10 * MINUTE ? {...parts, second: '2-digit'} : parts;
}

export class Timeline {
  constructor(container) {
    this.container = container;
    this.svg = document.createElementNS(SVG, 'svg');
    set(this.svg, {role: 'img', 'aria-label': 'Elections'});
    this.svg.append(hatch());
    this.grid = new Layer(this.svg);
    this.bars = new Layer(this.svg);
    this.words = new Layer(this.svg);
    container.append(this.svg);
  }

  /** lanes: [{id, name, spans: [{from, to, role, epoch, words}]}]; times in milliseconds; all text is data. */
  draw(lanes, from, to, summary) {
    const width = this.container.clientWidth;
    if (width < 120 || to <= from) return;
    const left = width < 480 ? 72 : 96;
    const right = width - 6;
    const height = lanes.length * LANE + 26;
    const x = (at) => left + (Math.min(Math.max(at, from), to) - from) / (to - from) * (right - left);
    set(this.svg, {viewBox: `0 0 ${width} ${height}`, height, 'aria-label': summary});
    for (const layer of [this.grid, this.bars, this.words]) layer.begin();
    this.drawAxis(from, to, x, right, lanes.length * LANE);
    lanes.forEach((lane, index) => this.drawLane(lane, index * LANE + LANE / 2, from, to, x));
    for (const layer of [this.grid, this.bars, this.words]) layer.end();
  }

  drawAxis(from, to, x, right, bottom) {
    const room = Math.max(2, Math.floor((right - x(from)) / 92));
    const step = STEPS.find((each) => (to - from) / each <= room) || STEPS[STEPS.length - 1];
    const zone = new Date(to).getTimezoneOffset() * MINUTE;
    const format = new Intl.DateTimeFormat(undefined, clock(to - from));
    for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) {
      const place = Math.round(x(at)) + .5;
      this.grid.get(`grid ${at}`, 'line', {class: 'grid', x1: place, x2: place, y1: 0, y2: bottom + 4});
      const anchor = place > right - 30 ? 'end' : 'middle';
      this.words.get(`tick ${at}`, 'text',
        {class: 'axis', x: anchor === 'end' ? right + 6 : place, y: bottom + 20, 'text-anchor': anchor}, format.format(at));
    }
  }

  drawLane(lane, middle, from, to, x) {
    this.words.get(`name ${lane.id}`, 'text', {class: 'name', x: 0, y: middle + 5}, lane.name);
    this.bars.get(`untold ${lane.id}`, 'rect',
      {class: 'bar-untold', x: x(from), y: middle - 1.5, width: x(to) - x(from), height: 3, rx: 1.5});
    for (const span of lane.spans) {
      if (span.to <= from || span.from >= to) continue;
      const look = LOOKS[span.role] || 'down';
      const tall = look === 'leader' || look === 'looking' ? TALL : LOW;
      const begin = x(span.from);
      const long = Math.max(x(span.to) - begin, look === 'follower' ? 1 : 3);
      const key = `${lane.id} ${span.from} ${span.role} ${span.epoch}`;
      const bar = this.bars.get(`bar ${key}`, 'rect',
        {class: `bar-${look}${long < 8 ? ' thin' : ''}`, x: begin.toFixed(1), y: middle - tall / 2, width: long.toFixed(1),
          height: tall, rx: long > 8 ? 4 : 1});
      if (!bar.firstChild) bar.append(document.createElementNS(SVG, 'title'));
      if (bar.firstChild.textContent !== span.words) bar.firstChild.textContent = span.words;
      if (look !== 'leader' || span.epoch === null || long < 28) continue;
      this.words.get(`epoch ${key}`, 'text',
        {class: 'in-bar', x: begin + 8, y: middle + 4}, long < 74 ? String(span.epoch) : `epoch ${span.epoch}`);
    }
  }
}
