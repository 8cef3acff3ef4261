// Asks this node's agent each second how the ensemble is, and shows it. What is shown is set as text: nodes are strangers.
import {Timeline} from './timeline.js';

const ASK_MS = 1000;
const PATIENCE_MS = 4000;
const LOST_MS = 3000;
const OLD_MS = 5000;
const STALE_MS = 10000;
const CHANGES_FIRST = 8;
const SVG = 'http://www.w3.org/2000/svg';

const VERDICTS = {
  healthy: 'Healthy', degraded: 'Serving, but not all is well', no_quorum: 'Not serving', unknown: 'Not known',
};
const VERDICT_GLYPHS = {healthy: 'healthy', degraded: 'degraded', no_quorum: 'bad', unknown: 'unknown'};
const ROLES = {
  leader: 'Leader', follower: 'Follower', observer: 'Observer', standalone: 'Alone', looking: 'Looking', down: 'Down',
  unknown: 'Role not known',
};
const ROLE_GLYPHS = {
  leader: 'leader', standalone: 'leader', follower: 'follower', observer: 'follower', looking: 'looking', down: 'bad',
  unknown: 'unknown',
};
const HEALTHS = {
  serving: 'serving', starting: 'starting', looking: 'no leader', stuck: 'stuck', down: 'down', conflict: 'conflict',
  read_only: 'read only', silent: 'no answer', pending: 'being asked',
};
const HEALTH_GLYPHS = {
  serving: 'healthy', starting: 'degraded', looking: 'looking', stuck: 'bad', down: 'bad', conflict: 'bad',
  read_only: 'degraded', silent: 'unknown', pending: 'unknown',
};

const state = {
  doc: null, receivedAt: 0, failure: '', announced: '', contact: 'waiting', range: null, allChanges: false, changesKey: '',
  wake() {},
};
const cards = new Map();
const byId = (id) => document.getElementById(id);
const timeline = new Timeline(byId('timeline'));

// ---- words

function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}
/** For a narrow place. */
function compact(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor(s % 3600 / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor(s % 86400 / 3600)}h`;
}
function shortDuration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 10000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms);
}
function bytes(count) {
  if (count < 1024 * 1024) return `${Math.round(count / 1024)} KiB`;
  if (count < 1024 ** 3) return `${Math.round(count / 1024 ** 2)} MiB`;
  return `${(count / 1024 ** 3).toFixed(count < 10 * 1024 ** 3 ? 1 : 0)} GiB`;
}
const CLOCK = {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'};
const clockFormat = new Intl.DateTimeFormat(undefined, CLOCK);
const dayFormat = new Intl.DateTimeFormat(undefined, {month: 'short', day: 'numeric', ...CLOCK});
function clock(at) { return Math.abs(now() - at) < 43200000 ? clockFormat.format(at) : dayFormat.format(at); }
function sentence(words) { return words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? '' : '.'); }
function or(value, words = String) { return value === null || value === undefined ? '–' : words(value); }
function didWhat(role, epoch, leader) {
  const where = epoch === null ? '' : ` in epoch ${epoch}`;
  if (role === 'leader') return `leads${where}`;
  const whom = leader === null ? 'a leader' : `server ${leader}`;
  if (role === 'follower') return `follows ${whom}${where}`;
  if (role === 'observer') return `observes ${whom}${where}`;
  if (role === 'standalone') return `serves alone${where}`;
  return role === 'looking' ? 'looks for a leader' : 'is down';
}

// ---- elements

function text(element, words) { if (element.textContent !== words) element.textContent = words; }
function make(name, className, words) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (words !== undefined) element.textContent = words;
  return element;
}
function glyph(element, name) {
  const use = element.tagName === 'use' ? element : element.firstChild;
  if (use.getAttribute('href') !== `#i-${name}`) use.setAttribute('href', `#i-${name}`);
}
function newGlyph() {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(SVG, 'use'));
  return svg;
}
function list(parent, lines, makeItem) {
  const key = JSON.stringify(lines);
  if (parent.dataset.key === key) return;
  parent.dataset.key = key;
  parent.replaceChildren(...lines.map(makeItem));
}
function figure(id, main, unit) {
  const element = byId(id);
  list(element, [main, unit], (words, index) => index === 0 ? document.createTextNode(words)
    : make('small', '', words && ` ${words}`));
}

// ---- time: that of the agent which is asked

function sinceReceived() { return performance.now() - state.receivedAt; }
function now() { return state.doc ? state.doc.at_ms + sinceReceived() : Date.now(); }

// ---- parts

function showHero(doc) {
  const waiting = doc.verdict === 'unknown' && doc.nodes.some((node) => node.pending);
  const lost = state.contact === 'lost';
  const verdict = VERDICTS[doc.verdict] || doc.verdict;
  byId('hero').dataset.verdict = lost ? 'unknown' : doc.verdict;
  glyph(byId('hero-glyph'), lost ? 'unknown' : VERDICT_GLYPHS[doc.verdict] || 'unknown');
  text(byId('verdict'), waiting ? 'A moment' : lost ? `Last known: ${verdict}` : verdict);
  const leads = doc.leader !== null;
  const alone = doc.nodes.some((node) => node.id === doc.leader && node.role === 'standalone');
  const does = alone ? 'serves alone' : 'leads';
  text(byId('headline'), waiting ? 'Asking the other nodes…' : leads ? `Server ${doc.leader} ${does}`
    : doc.verdict === 'no_quorum' ? 'No server leads' : 'Who leads is not known');
  text(byId('story'), leads ? leaderStory(doc) : waiting ? '' : leaderlessStory(doc));
  figure('figure-sync', leads ? String(doc.voters_in_sync) : '–', `of ${doc.voters}`);
  const bears = doc.failures_borne;
  if (!leads) figure('figure-bears', '–', '');
  else if (bears === 0) figure('figure-bears', 'none', '');
  else figure('figure-bears', String(bears), bears === 1 ? 'node' : 'nodes');
  figure('figure-epoch', or(doc.epoch), '');
  const mark = {healthy: '●', degraded: '▲', no_quorum: '■'}[byId('hero').dataset.verdict] || '?';
  const news = lost ? 'no contact' : leads ? `server ${doc.leader} ${does}` : 'no known leader';
  const title = `${mark} ${doc.cluster || 'zkprov'}: ${news}`;
  if (document.title !== title) document.title = title;
}

function leaderlessStory(doc) {
  const silent = doc.nodes.filter((node) => !node.answered).length;
  if (doc.verdict !== 'no_quorum' && silent > 0) return `${silent} of ${doc.nodes.length} nodes do not tell.`;
  if (doc.verdict !== 'no_quorum') return sentence(doc.headline);
  const needs = `To lead, a server needs ${Math.floor(doc.voters / 2) + 1} of ${doc.voters} voters who agree.`;
  const led = lanesOf(doc).flatMap((lane) => lane.spans).filter((span) => span.role === 'leader' && span.ended);
  if (led.length === 0) return needs;
  const last = led.reduce((one, other) => other.to > one.to ? other : one);
  return `Server ${last.id} led until ${clock(last.to)}, ${duration(now() - last.to)} ago. ${needs}`;
}

function leaderStory(doc) {
  const leader = doc.nodes.find((node) => node.id === doc.leader);
  const tells = leader && leader.answered && (leader.role === 'leader' || leader.role === 'standalone');
  if (!tells) return 'A majority follows it; it does not tell itself.';
  if (leader.changed_at_ms === null) return `On ${leader.host}; its agent, which would know since when, does not tell.`;
  const since = leader.changed_at_ms - leader.clock_ahead_ms;
  return `On ${leader.host}, since ${clock(since)} (${duration(now() - since)}).`;
}

function showHealth(doc) {
  const reasons = doc.nodes.some((node) => node.pending) ? [] : doc.reasons;
  text(byId('well'), doc.verdict === 'healthy' ? 'Every node serves, and its agent finds nothing wrong.'
    : 'Waiting for what the nodes say.');
  byId('well').hidden = reasons.length > 0;
  byId('reasons').hidden = reasons.length === 0;
  list(byId('reasons'), reasons, (reason) => {
    const item = make('li');
    const mark = newGlyph();
    glyph(mark, 'degraded');
    item.append(mark, make('span', '', sentence(reason)));
    return item;
  });
}

const FACTS = [
  ['zxid', 'Last zxid', (node) => or(node.zxid)],
  ['lag', 'Lag', (node) => or(node.lag)],
  ['connections', 'Clients', (node) => or(node.connections)],
  ['outstanding', 'Waiting', (node) => or(node.outstanding)],
  ['znodes', 'Znodes', (node) => or(node.znodes)],
  ['uptime', 'Up for', (node) => or(node.uptime_s, (s) => compact(s * 1000))],
  ['fsync', 'Log sync', (node) => or(node.fsync_ms, (ms) => `${ms} ms`)],
  ['rss', 'Memory', (node) => or(node.rss_bytes, bytes)],
  ['files', 'Files open', (node) => or(node.open_files)],
  ['free', 'Disk free', (node) => or(node.data_free_bytes, bytes)],
];

function newCard(id) {
  const item = make('li');
  const card = make('article', 'card');
  card.setAttribute('aria-labelledby', `node-${id}`);
  const head = make('div', 'card-head');
  const name = make('h3', '', `Server ${id}`);
  name.id = `node-${id}`;
  const badge = make('p', 'badge');
  const role = make('span');
  const roleGlyph = newGlyph();
  badge.append(roleGlyph, role);
  const host = make('p', 'host');
  const condition = make('p', 'state');
  const health = make('span');
  const healthGlyph = newGlyph();
  condition.append(healthGlyph, health);
  head.append(name, badge, host, condition);
  const facts = make('dl', 'facts');
  const values = new Map();
  for (const [key, label] of FACTS) {
    const pair = make('div', key === 'zxid' ? 'wide' : '');
    const value = make('dd');
    pair.append(make('dt', '', label), value);
    facts.append(pair);
    values.set(key, value);
  }
  const silence = make('p', 'silence');
  const notes = make('ul', 'notes');
  const seen = make('p', 'seen');
  card.append(head, facts, silence, notes, seen);
  item.append(card);
  return {item, card, role, roleGlyph, host, health, healthGlyph, facts, values, silence, notes, seen};
}

/** Each with its level, and for how long it has been so, once that is long. */
function findingsOf(node) {
  const findings = node.findings || [];
  if (findings.length === 0) return node.reasons.map((reason) => ['warning', sentence(reason)]);
  return findings.map((finding) => {
    const age = finding.since_ms === null ? 0 : now() - (finding.since_ms - node.clock_ahead_ms);
    const words = finding.words + (age < 60000 ? '' : ` (for ${duration(age)})`);
    return [finding.level, sentence(words)];
  });
}

function notesOf(node) {
  const notes = node.answered ? findingsOf(node) : [];
  if (node.answered && node.role === 'looking' && node.vote) notes.push(['note', `It votes for ${node.vote.leader}.`]);
  const times = node.restarts === 1 ? 'once' : `${node.restarts} times`;
  if (node.answered && node.restarts > 0) notes.push(['note', `Started again ${times} since its agent runs.`]);
  return notes;
}

function silenceOf(node) {
  if (node.answered) return '';
  if (node.pending) return 'It has only now been asked.';
  const why = node.conflict ? sentence(node.error) : `No answer: ${sentence(node.error)}`;
  if (!node.last) return why;
  const was = {leader: 'it led', follower: 'it followed', observer: 'it observed', standalone: 'it served alone',
    looking: 'it looked for a leader', down: 'its server was down'}[node.last.role] || 'its role was not known';
  return `${why} When it was last heard, ${was}${node.last.epoch === null ? '' : ` in epoch ${node.last.epoch}`}.`;
}

function seenOf(node) {
  if (!node.answered) {
    return node.heard_ms === null ? 'Not heard yet' : `Last heard ${duration(node.heard_ms + sinceReceived())} ago`;
  }
  const age = node.age_ms + sinceReceived();
  const who = node.self ? 'by this agent' : 'by its agent';
  const when = age < 1500 ? 'Seen just now' : `Seen ${duration(age)} ago`;
  return node.source === 'agent' ? `${when} ${who}` : `${when}; its server was asked, not its agent`;
}

function showCard(node) {
  const card = cards.get(node.id);
  const condition = node.answered ? node.health : node.pending ? 'pending' : 'silent';
  card.card.dataset.role = node.role;
  card.card.dataset.health = condition;
  text(card.role, ROLES[node.role] || node.role);
  glyph(card.roleGlyph, ROLE_GLYPHS[node.role] || 'unknown');
  text(card.host, node.host);
  text(card.health, HEALTHS[condition] || condition);
  glyph(card.healthGlyph, HEALTH_GLYPHS[condition] || 'unknown');
  card.facts.hidden = !node.answered;
  if (node.answered) for (const [key, , words] of FACTS) text(card.values.get(key), words(node));
  const silence = silenceOf(node);
  card.silence.hidden = silence === '';
  text(card.silence, silence);
  const notes = notesOf(node);
  card.notes.hidden = notes.length === 0;
  list(card.notes, notes, ([level, words]) => {
    const item = make('li', level);
    item.append(make('span', 'unseen', level === 'note' ? '' : `${level}: `), words);
    return item;
  });
  text(card.seen, seenOf(node));
  const old = node.answered ? node.age_ms + sinceReceived() > OLD_MS : !node.pending;
  card.seen.classList.toggle('old', old);
}

function showNodes(doc) {
  const ids = doc.nodes.map((node) => node.id);
  if (ids.join() !== [...cards.keys()].join()) {
    cards.clear();
    for (const id of ids) cards.set(id, newCard(id));
    byId('cards').replaceChildren(...[...cards.values()].map((card) => card.item));
  }
  doc.nodes.forEach(showCard);
}

// ---- elections

function lanesOf(doc) {
  return doc.nodes.map((node) => {
    const source = node.answered ? node : node.last;
    const age = node.answered ? node.age_ms + sinceReceived() : (node.heard_ms || 0) + sinceReceived();
    const until = node.answered && age < STALE_MS ? now() : now() - age;
    const history = source ? source.history : [];
    const spans = history.map((entry, index) => {
      const from = entry.at_ms - node.clock_ahead_ms;
      const next = history[index + 1];
      const to = Math.max(next ? next.at_ms - node.clock_ahead_ms : until, from);
      const why = entry.why || '';
      return {from, to, ended: Boolean(next), role: entry.role, epoch: entry.epoch, leader: entry.leader, id: node.id, why,
        words: `Server ${node.id} ${didWhat(entry.role, entry.epoch, entry.leader)}, ` +
          `${clock(from)} to ${next ? clock(to) : 'now'}${why ? `: ${why}` : ''}`};
    });
    return {id: node.id, name: `Server ${node.id}`, spans};
  });
}

function chooseRange(lanes) {
  const settled = lanes.flatMap((lane) => lane.spans).filter((span) => span.role === 'leader').map((span) => span.from);
  const age = settled.length ? (now() - Math.max(...settled)) / 1000 : Infinity;
  return age < 240 ? 300 : age < 3000 ? 3600 : age < 80000 ? 86400 : 0;
}

function showElections(doc) {
  const lanes = lanesOf(doc);
  const all = lanes.flatMap((lane) => lane.spans);
  if (state.range === null) {
    if (all.length === 0 || doc.nodes.some((node) => node.pending)) return;
    state.range = chooseRange(lanes);
    byId('ranges').querySelector(`[value="${state.range}"]`).checked = true;
  }
  const first = Math.min(now() - 60000, ...all.map((span) => span.from));
  const from = state.range ? now() - state.range * 1000 : first - (now() - first) * .03;
  const leads = doc.leader === null ? 'No leader is known now.' : `Server ${doc.leader} ${doc.nodes.some((node) =>
    node.id === doc.leader && node.role === 'standalone') ? 'serves alone' : 'leads now'}.`;
  const decided = all.filter((span) => span.role === 'leader' && span.from >= from);
  const elections = new Set(decided.map((span) => span.epoch)).size;
  timeline.draw(lanes, from, now(), `Roles of ${lanes.length} servers over time. ${leads} ` +
    `${elections} ${elections === 1 ? 'election was' : 'elections were'} decided in the time shown; ` +
    'the list below tells each change.');
  showChanges(all);
}

function showChanges(all) {
  const known = [...all].sort((a, b) => b.from - a.from || a.id - b.id);
  const parts = known.map((span) => [span.id, span.from, span.role, span.epoch, span.leader, span.ended, span.why]);
  const key = JSON.stringify([state.allChanges, parts]);
  if (state.changesKey === key) return;
  state.changesKey = key;
  const shown = state.allChanges ? known : known.slice(0, CHANGES_FIRST);
  byId('changes').replaceChildren(...shown.map((span) => {
    const item = make('li');
    const at = make('time', '', dayFormat.format(span.from));
    at.dateTime = new Date(span.from).toISOString();
    const what = make('span', 'what', didWhat(span.role, span.epoch, span.leader));
    if (span.ended) what.append(make('span', 'lasted', `, for ${shortDuration(span.to - span.from)}`));
    if (span.why) what.append(make('span', 'why', span.why));
    item.append(at, make('span', 'who', `Server ${span.id}`), what);
    return item;
  }));
  byId('more').hidden = known.length <= CHANGES_FIRST;
  text(byId('more'), state.allChanges ? 'Show the newest only' : `Show all ${known.length}`);
  byId('more').setAttribute('aria-expanded', String(state.allChanges));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  text(byId('changes-hint'), known.length === 0 ? 'Nothing yet.'
    : `Times are of this browser’s zone${zone ? ` (${zone})` : ''}, by the clock of the node that was asked.`);
}

// ---- contact

function showContact() {
  const age = state.doc ? sinceReceived() : Infinity;
  const lost = !document.hidden && (state.doc ? age > (state.failure ? LOST_MS : 2 * LOST_MS) : state.failure !== '');
  state.contact = lost ? 'lost' : state.doc ? 'live' : 'waiting';
  document.body.dataset.contact = state.contact;
  text(byId('contact-text'), state.contact === 'live' ? 'Live' : lost ? 'No contact' : 'Asking this node’s agent…');
  byId('banner').hidden = !lost;
  if (!lost) return;
  text(byId('banner'), state.doc
    ? `No contact with this agent for ${duration(age)}: ${state.failure || 'it does not answer'}. ` +
      `What is shown below is as it was at ${clockFormat.format(Date.now() - age)}.`
    : `This agent does not answer: ${state.failure}.`);
}

function announce() {
  const doc = state.doc;
  const words = state.contact === 'lost' ? 'Contact with the agent is lost; what is shown is old.'
    : doc && !doc.nodes.some((node) => node.pending)
      ? `${VERDICTS[doc.verdict] || doc.verdict}. ${byId('headline').textContent}.` : '';
  if (words === '' || words === state.announced) return;
  state.announced = words;
  text(byId('announcer'), words);
}

function show() {
  showContact();
  const doc = state.doc;
  if (doc) {
    text(byId('cluster'), doc.cluster);
    showHero(doc);
    showHealth(doc);
    showNodes(doc);
    showElections(doc);
    const own = doc.nodes.find((node) => node.self);
    const version = own && own.agent_version ? `, zkprov-agent ${own.agent_version}` : '';
    text(byId('teller'), `Told by the agent of server ${doc.asked}${version}. It only reads: nothing can be changed here.`);
  }
  announce();
}

// ---- asking

async function ask() {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), PATIENCE_MS);
  try {
    const response = await fetch('/v1/ensemble', {cache: 'no-store', signal: giveUp.signal});
    if (!response.ok) throw new Error(`it says ${response.status}`);
    const doc = await response.json();
    if (doc.schema !== 'zkprov-ensemble/1') throw new Error('it speaks another language by now; load this page again');
    state.doc = doc;
    state.receivedAt = performance.now();
    state.failure = '';
  } catch (error) {
    state.failure = error.name === 'AbortError' ? 'it does not answer in time'
      : error instanceof TypeError ? 'nobody answers at its address' : error.message;
  } finally {
    clearTimeout(timer);
  }
}

async function follow() {
  for (;;) {
    const began = performance.now();
    if (!document.hidden) await ask();
    try {
      show();
    } catch (error) {
      // One answer that cannot be shown must not end the asking.
      state.failure = `it tells what this page cannot show (${error.message}); load it again`;
    }
    const pending = state.doc && !state.failure && state.doc.nodes.some((node) => node.pending);
    const pause = Math.max(50, (pending ? ASK_MS / 4 : ASK_MS) - (performance.now() - began));
    await new Promise((resolve) => {
      state.wake = resolve;
      setTimeout(resolve, pause);
    });
  }
}

byId('ranges').addEventListener('change', (event) => {
  state.range = Number(event.target.value);
  if (state.doc) showElections(state.doc);
});
byId('more').addEventListener('click', () => {
  state.allChanges = !state.allChanges;
  if (state.doc) showElections(state.doc);
});
document.addEventListener('visibilitychange', () => state.wake());
new ResizeObserver(() => { if (state.doc) showElections(state.doc); }).observe(byId('timeline'));
setInterval(show, 1000);
follow();
