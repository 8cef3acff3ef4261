#!/usr/bin/env python3
"""Mutants: small changes of the real sources, each of which breaks one rule. Tests or the simulator must notice.

  run.py --check               every mutant's old text stands exactly once in the tree (fast, builds nothing)
  run.py --list                names and rules
  run.py [--only NAME ...]     applies each mutant to a copy of the tree, builds it, runs the unit tests that it names,
                               then seeds of the simulator until one fails
  run.py --quick --tests-only  the few that die at once: for CI
  run.py --open                those only that no earlier run has seen killed in their present form
  run.py --table FILE          writes what is known of all of them (after a run, if other options ask for one)

The copy is build/mutants/tree, built by the preset mutants: no sanitizers, and each file by itself, so that a mutant costs
one small compilation and its tests take seconds. --tests-only builds by the preset asan instead, of which CI's cache knows
most. Results are kept in build/mutants/results.json. What counts as killed: a unit test or a seed that fails, crashes, meets an
assertion or hangs. A seed that fails without the mutant as well does not count. A mutant that does not compile is an error of
the mutant. One that survives may still die under --tests-only, by a sanitizer.

A file *.toml holds the mutants of one room: `tests` are the unit test programs that should notice (names of zk_test in
tests/*/CMakeLists.txt), and of each [[mutant]]: name, the rule in one line, file, old text, new text, and if it wants
them other `tests`, and `quick`.
"""

import argparse
import datetime
import glob
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
WORK = os.path.join(ROOT, "build", "mutants")
TREE = os.path.join(WORK, "tree")
PLAIN = os.path.join(TREE, "build", "mutants")
SANITIZED = os.path.join(TREE, "build", "asan")
RESULTS = os.path.join(WORK, "results.json")
CLEAN_SIM = os.path.join(WORK, "sim-unmutated")

CLEAN_SEEDS = 5        # run without a mutant first
BATCH = 10             # seeds of one run of the simulator
TEST_SECONDS = 120     # of CPU time: a unit test program that takes longer hangs
SEED_SECONDS = 30      # of CPU time: a seed that takes longer hangs
WALL_FACTOR = 20       # on a busy machine a second of CPU time may take so long
WANTED_PERCENT = 95    # of the mutants must be killed


class Mutant:
    def __init__(self, room, entry, tests):
        self.room = room
        self.name = entry["name"]
        self.rule = entry["rule"]
        self.file = entry["file"]
        self.old = entry["old"]
        self.new = entry["new"]
        self.tests = entry.get("tests", tests)
        self.quick = entry.get("quick", False)
        text = "\0".join([self.file, self.old, self.new])
        self.digest = hashlib.sha256(text.encode()).hexdigest()[:16]


def load():
    mutants = []
    for path in sorted(glob.glob(os.path.join(HERE, "*.toml"))):
        with open(path, "rb") as file:
            content = tomllib.load(file)
        room = os.path.splitext(os.path.basename(path))[0]
        mutants += [Mutant(room, entry, content["tests"]) for entry in content["mutant"]]
    return mutants


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def check(mutants):
    """What is wrong with the mutants as texts, a line each."""
    complaints = []
    names = [m.name for m in mutants]
    for name in sorted({n for n in names if names.count(n) > 1}):
        complaints.append(f"{name}: this name is given twice")
    listings = "".join(read(path) for path in glob.glob(os.path.join(ROOT, "tests", "*", "CMakeLists.txt")))
    for m in mutants:
        path = os.path.join(ROOT, m.file)
        count = read(path).count(m.old) if os.path.exists(path) else -1
        if count < 0:
            complaints.append(f"{m.name}: there is no {m.file}")
        elif count != 1:
            complaints.append(f"{m.name}: its old text stands {count} times in {m.file}")
        if m.old == m.new:
            complaints.append(f"{m.name}: changes nothing")
        for test in m.tests:
            if not re.search(rf"zk_test\({test}\s", listings):
                complaints.append(f"{m.name}: there is no unit test program {test}")
    return complaints


# ---- the copy


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def copy_tree():
    """Makes the copy like the tree, and leaves alone what is like it already, so that little is built again."""
    names = output_of("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    wanted = {name for name in names if name and os.path.isfile(os.path.join(ROOT, name))}
    for name in wanted:
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        if os.path.exists(target):
            with open(source, "rb") as a, open(target, "rb") as b:
                if a.read() == b.read():
                    continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)
    for base, folders, files in os.walk(TREE):
        if base == TREE:
            folders[:] = [f for f in folders if f != "build"]
        for name in files:
            path = os.path.join(base, name)
            if os.path.relpath(path, TREE) not in wanted:
                os.remove(path)


def configure(folders):
    for folder in folders:
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            subprocess.run(["cmake", "--preset", os.path.basename(folder)], cwd=TREE, check=True,
                           stdout=subprocess.DEVNULL)


def build(folder, targets, jobs):
    """None, or the compiler's words."""
    done = subprocess.run(["ninja", "-C", folder, "-j", str(jobs), *targets], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    errors = [line for line in done.stdout.splitlines() if "error" in line]
    return plain("\n".join(errors[:3]) or done.stdout[-500:] + done.stderr[-500:])


def plain(words):
    """Without the machine's paths."""
    return re.sub(r"(/[\w.+-]+)+/(?=(server|tests)/)", "", words).strip()


# ---- tests and seeds


def run(command, seconds):
    """(exit code or None for a hang, output). `seconds` of CPU time."""
    def bound():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=WORK, preexec_fn=bound,
                              timeout=seconds * WALL_FACTOR)
        hangs = done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        return None if hangs else done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode(errors="replace")


def assertion(text):
    for line in text.splitlines():
        if re.search(r"assert|terminate called", line, re.IGNORECASE):
            return ": " + plain(line)[:120]
    return ""


def unit_test(test, folder):
    """None, or how it failed."""
    code, text = run([os.path.join(folder, "bin", test + "_test")], TEST_SECONDS)
    if code == 0:
        return None
    failed = re.findall(r"^\[  FAILED  \] (\S+?),? .*\(\d+ ms\)", text, re.MULTILINE)
    running = re.findall(r"^\[ RUN      \] (\S+)", text, re.MULTILINE)
    where = failed[0] if failed else running[-1] if running else "?"
    if code is None:
        return f"{test}: {where if failed else running[-1] if running else '?'} (hangs)"
    if code < 0 and not failed:
        return f"{test}: {where} (crash{assertion(text)})"
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{test}: {where}{more}"


def seeds_fail(program, first, count):
    """None, or (seed, how) of the first that fails."""
    code, text = run([program, "--seed", str(first), "--count", str(count)], SEED_SECONDS * (1 if count == 1 else 3))
    if code == 0:
        return None
    found = re.search(r"^FAILED sim --seed (\d+).*?# (.*)", text, re.MULTILINE)
    if found:
        return int(found.group(1)), found.group(2)
    if count == 1:
        return first, "hangs" if code is None else "crash" + assertion(text)
    for seed in range(first, first + count):
        single = seeds_fail(program, seed, 1)
        if single:
            return single
    return None


class Judgement:
    def __init__(self, how, by, seeds=0, seconds=0.0):
        self.how, self.by, self.seeds, self.seconds = how, by, seeds, seconds


class Clean:
    """The tree without a mutant: each program is built and seen to pass before the first mutant is shown to it."""

    def __init__(self, options):
        self.options = options
        self.known = set()

    def test(self, name):
        if name in self.known:
            return
        self.known.add(name)
        words = build(self.options.folder, [name + "_test"], self.options.jobs)
        if words:
            sys.exit("the unmutated tree does not compile: " + words)
        failure = unit_test(name, self.options.folder)
        if failure:
            sys.exit("fails without any mutant: " + failure)
        print(f"  {name} is clean", flush=True)

    def sim(self):
        if "sim" in self.known:
            return
        self.known.add("sim")
        words = build(PLAIN, ["sim"], self.options.jobs)
        if words:
            sys.exit("the unmutated tree does not compile: " + words)
        shutil.copy(os.path.join(PLAIN, "bin", "sim"), CLEAN_SIM)
        for seed in range(1, CLEAN_SEEDS + 1):
            failure = seeds_fail(CLEAN_SIM, seed, 1)
            if failure:
                print(f"  seed {failure[0]} fails without any mutant: {failure[1]}", flush=True)


def run_tests(m, options):
    """How the first of its unit tests that fails does, or None."""
    for test in m.tests:
        words = build(options.folder, [test + "_test"], options.jobs)
        if words:
            return Judgement("error", "does not compile: " + words)
        began = time.time()
        failure = unit_test(test, options.folder)
        if failure:
            return Judgement("killed", failure, 0, time.time() - began)
    return None


def run_seeds(options):
    words = build(PLAIN, ["sim"], options.jobs)
    if words:
        return Judgement("error", "does not compile: " + words)
    began = time.time()
    seed = 1
    while seed <= options.seeds:
        if options.limit and time.time() - began > options.limit:
            return Judgement("open", f"stopped after {options.limit} s", seed - 1, time.time() - began)
        failure = seeds_fail(os.path.join(PLAIN, "bin", "sim"), seed, min(BATCH, options.seeds - seed + 1))
        if failure is None:
            seed += BATCH
        elif seeds_fail(CLEAN_SIM, failure[0], 1):
            print(f"  seed {failure[0]} fails without the mutant as well", flush=True)
            seed = failure[0] + 1
        else:
            return Judgement("killed", f"seed {failure[0]}: {plain(failure[1])}", failure[0], time.time() - began)
    return Judgement("survived", "", options.seeds, time.time() - began)


def with_mutant(m, work):
    path = os.path.join(TREE, m.file)
    original = read(path)
    write(path, original.replace(m.old, m.new))
    try:
        return work()
    finally:
        write(path, original)


def evaluate(m, clean, options):
    for test in m.tests:
        clean.test(test)
    judgement = with_mutant(m, lambda: run_tests(m, options))
    if judgement:
        return judgement
    if options.tests_only:
        return Judgement("open", "by no unit test of " + (", ".join(m.tests) or "none"))
    clean.sim()
    return with_mutant(m, lambda: run_seeds(options))


# ---- results


def load_results():
    return json.loads(read(RESULTS)) if os.path.exists(RESULTS) else {}


def known(m, results):
    result = results.get(m.name)
    return result if result and result["digest"] == m.digest else None


def commit():
    return output_of("git", "rev-parse", "--short", "HEAD").strip()


def keep(m, judgement, results):
    results[m.name] = {
        "digest": m.digest, "how": judgement.how, "by": judgement.by, "seeds": judgement.seeds,
        "seconds": round(judgement.seconds, 1), "commit": commit(), "date": datetime.date.today().isoformat(),
    }
    os.makedirs(WORK, exist_ok=True)
    write(RESULTS + ".tmp", json.dumps(results, indent=1, sort_keys=True))
    os.replace(RESULTS + ".tmp", RESULTS)


INTRODUCTION = """# Mutants

Each mutant is a small change of the real sources that breaks one rule, such as "a follower acknowledges a proposal when
its disk has it". Tests that do not notice it do not test that rule. Written by `tests/sim/mutants/run.py --table`; not
edited by hand.

```
tests/sim/mutants/run.py --check              each mutant still fits the sources (no build)
tests/sim/mutants/run.py --quick --tests-only a few that die at once, as in CI
tests/sim/mutants/run.py --only NAME          one
tests/sim/mutants/run.py                      all of them: half an hour; --open goes on where a run was stopped
tests/sim/mutants/run.py --table docs/MUTANTS.md
```

A mutant is killed by a unit test program, or else by a seed of the simulator, that fails, crashes, meets an assertion or
hangs. The unit tests of its room run first, then seeds 1, 2, 3 and so on over all shapes. A seed that fails without the
mutant too does not count. Seconds are those of the test program or of all seeds up to the failing one, on a busy machine
and without building.
"""


def cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def table(mutants, results):
    found = [(m, known(m, results)) for m in mutants]
    killed = [r for _, r in found if r and r["how"] == "killed"]
    by_seed = [r for r in killed if r["seeds"]]
    dates = sorted({r["date"] for _, r in found if r})
    commits = sorted({r["commit"] for _, r in found if r})
    lines = [INTRODUCTION]
    if dates:
        when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        lines.append(f"{when}, commit {', '.join(commits)}: {len(mutants)} mutants, {len(killed)} killed "
                     f"({100 * len(killed) / len(mutants):.0f} %): {len(killed) - len(by_seed)} by a unit test, "
                     f"{len(by_seed)} by a seed.\n")
    rest = [m for m, r in found if r and r["how"] != "killed"]
    if rest:
        lines.append("Not killed: " + ", ".join(f"`{m.name}`" for m in rest) + ".\n")
    new = sum(r is None for _, r in found)
    if new:
        lines.append(f"Not run in their present form: {new}.\n")
    for room in sorted({m.room for m in mutants}):
        lines += [f"## {room}\n", "| mutant | rule that it breaks | file | killed by | seeds | s |",
                  "| --- | --- | --- | --- | ---: | ---: |"]
        for m, r in found:
            if m.room != room:
                continue
            if r is None:
                by, seeds, seconds = "not run yet", "", ""
            else:
                by = r["by"] if r["how"] == "killed" else f"**{r['how']}** {r['by']}".strip()
                seeds, seconds = r["seeds"] or "", r["seconds"]
            lines.append(f"| {m.name} | {cell(m.rule)} | {m.file} | {cell(by)} | {seeds} | {seconds} |")
        lines.append("")
    return "\n".join(lines)


# ---- the program


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="see that every mutant fits the tree")
    parser.add_argument("--list", action="store_true", help="names and rules")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="these mutants, or all of these files")
    parser.add_argument("--quick", action="store_true", help="those marked quick")
    parser.add_argument("--open", action="store_true", help="those that no run has seen killed")
    parser.add_argument("--tests-only", action="store_true", help="unit tests, no seeds")
    parser.add_argument("--seeds", type=int, default=500, help="at most so many for each mutant (default: 500)")
    parser.add_argument("--limit", type=int, default=0, help="seconds of seeds for each mutant (default: no limit)")
    parser.add_argument("--jobs", type=int, default=1, help="of the build (default: 1)")
    parser.add_argument("--table", metavar="FILE", help="write the document")
    options = parser.parse_args()
    options.folder = SANITIZED if options.tests_only else PLAIN
    return options


def chosen(mutants, options):
    results = load_results()
    unknown = [n for n in options.only if not any(n in (m.name, m.room) for m in mutants)]
    if unknown:
        sys.exit("no such mutant: " + ", ".join(unknown))
    if options.only:
        mutants = [m for m in mutants if m.name in options.only or m.room in options.only]
    if options.quick:
        mutants = [m for m in mutants if m.quick]
    if options.open:
        mutants = [m for m in mutants if (known(m, results) or {"how": ""})["how"] != "killed"]
    return mutants


def run_all(mutants, options):
    """How many were not killed."""
    # Ended from outside it still restores the file and ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    results = load_results()
    began = time.time()
    copy_tree()
    configure([options.folder])
    clean = Clean(options)
    left = 0
    for m in mutants:
        began_mutant = time.time()
        judgement = evaluate(m, clean, options)
        left += judgement.how != "killed"
        keep(m, judgement, results)
        print(f"{judgement.how:8} {m.name:36} {judgement.by} [{time.time() - began_mutant:.0f} s]", flush=True)
    print(f"{len(mutants)} mutants, {len(mutants) - left} killed, {time.time() - began:.0f} s", flush=True)
    return left


def main():
    options = parse()
    mutants = load()
    complaints = check(mutants)
    for words in complaints:
        print(words)
    if complaints or options.check:
        if not complaints:
            print(f"{len(mutants)} mutants fit the tree, {sum(m.quick for m in mutants)} of them quick")
        return 1 if complaints else 0
    if options.list:
        for m in mutants:
            print(f"{m.room:9} {m.name:36} {m.rule}")
        return 0
    code = 0
    runs = options.only or options.quick or options.open or not options.table
    if runs:
        some = chosen(mutants, options)
        left = run_all(some, options)
        code = 1 if 100 * left > (100 - WANTED_PERCENT) * len(some) or (options.quick and left) else 0
    if options.table:
        write(os.path.join(ROOT, options.table), table(mutants, load_results()))
    return code


if __name__ == "__main__":
    sys.exit(main())
