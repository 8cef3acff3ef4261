#!/usr/bin/env python3
"""The table of cost under load: zkserver beside Apache's server, or beside another build of zkserver, in one run.

    /usr/bin/python3 bench/load.py                                  # ours beside Apache's, all cases, about 6 minutes
    /usr/bin/python3 bench/load.py --ours-only --other-bin OLD      # two builds of ours, A/B
    /usr/bin/python3 bench/load.py --only get --rounds 5            # some cases only; --list names them
    /usr/bin/python3 bench/load.py --alone                          # one server of each kind, without an ensemble
    /usr/bin/python3 bench/load.py --smoke                          # 1 s a case, ours only: does it all work

Three servers of each kind on loopback, or with --alone one, and then also from its start to its first write; zkload makes the load and checks each answer. All kinds stay up during the run, and
for each case they take turns: A B, B A, A B. Each turn begins with a warm-up of the same load; Apache's servers get
--jvm-warm seconds of it once more before each case's first turn, because a cold JVM is not what anybody runs. How to read
the table: bench/README.md.
"""
import argparse
import collections
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "interop"))
import serve  # noqa: E402
import servers  # noqa: E402

RELEASE = os.path.join(HERE, "..", "build", "release", "bin")
OURS, OTHER, APACHE, FLOOR = "ours", "other", "apache", "floor"

Case = collections.namedtuple("Case", "name op sessions depth at")
CASES = [
    Case("set-100x64", "set", 100, 64, "spread"),
    Case("set-100x64-leader", "set", 100, 64, "leader"),
    Case("set-100x1", "set", 100, 1, "spread"),
    Case("set-1x1", "set", 1, 1, "spread"),
    Case("create-100x64", "create", 100, 64, "spread"),
    Case("mixed-100x64", "mixed", 100, 64, "spread"),
    Case("get-100x64", "get", 100, 64, "spread"),
    Case("get-100x1", "get", 100, 1, "spread"),
]

ALONE_CASES = [case for case in CASES if case.at == "spread"] + [Case("get-1x1", "get", 1, 1, "spread")]
STARTS = 9


def mode_of(port):
    for line in (servers.four_letter(port, "srvr") or "").splitlines():
        if line.startswith("Mode: "):
            return line[len("Mode: "):]
    return None


class Floor(serve.Ensemble):
    """Three of zkload's servers that answer and do nothing. They know nothing of each other: no write is replicated."""

    def __init__(self, zkload, value, directory):
        super().__init__(FLOOR, [zkload, "--value", str(value), "--serve-floor"], directory)
        self.configs = [str(port) for port in self.client_ports]


class Kind:
    """One kind of server: its ensemble, and what was measured of it."""

    def __init__(self, name, ensemble):
        self.name = name
        self.ensemble = ensemble
        self.results = collections.defaultdict(list)

    def start(self):
        self.ensemble.start()

    def wait(self):
        servers.wait_until("the servers of %s serve" % self.name, lambda: all(self.modes()))

    def modes(self):
        return [mode_of(port) for port in self.ensemble.client_ports]

    def idle_ms_per_s(self, seconds=3):
        before = self.ensemble.cpu_seconds()
        time.sleep(seconds)
        return (self.ensemble.cpu_seconds() - before) / seconds * 1000

    def load(self, case, arguments, seconds, warmup):
        modes = self.modes()
        command = [arguments.zkload, "--json",
                   "--servers", ",".join("127.0.0.1:%d" % port for port in self.ensemble.client_ports),
                   "--pids", ",".join(str(process.pid) for process in self.ensemble.processes),
                   "--op", case.op, "--sessions", str(case.sessions), "--depth", str(case.depth), "--at", case.at,
                   "--value", str(arguments.value), "--warmup", str(warmup), "--seconds", str(seconds)]
        if arguments.bursts:
            command.append("--bursts")
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            raise SystemExit("%s, %s: zkload failed: %s\n%s" % (self.name, case.name, ran.stderr.strip(), self.log_tails()))
        result = json.loads(ran.stdout)
        if self.modes() != modes:
            print("# %s, %s: the leader changed during the load" % (self.name, case.name))
        leaders = [server["cpu_us_per_op"] for server, mode in zip(result["servers"], modes) if mode == "leader"]
        result["leader_us_per_op"] = leaders[0] if leaders else 0.0
        return result

    def log_tails(self):
        tails = []
        for i in range(len(self.ensemble.configs)):
            path = os.path.join(self.ensemble.directory, "log%d" % (i + 1))
            if os.path.exists(path):
                with open(path, errors="replace") as f:
                    tails.append("--- end of the log of server %d\n%s" % (i + 1, "".join(f.readlines()[-5:])))
        return "\n".join(tails)


def measure(case, kinds, arguments):
    for kind in kinds:
        if kind.name == APACHE and arguments.jvm_warm > 0:
            kind.load(case, arguments, arguments.jvm_warm, 0)
    for turn in range(arguments.rounds):
        for kind in kinds if turn % 2 == 0 else reversed(kinds):
            kind.results[case.name].append(kind.load(case, arguments, arguments.seconds, arguments.warmup))


HEAD = "%-18s %-7s %9s %17s %6s %6s %8s %9s %9s %9s %9s %6s %7s" % (
    "case", "server", "CPU us/op", "min..max", "ratio", "user%", "leader", "ops/s", "p50 ms", "p99 ms", "max ms", "fair",
    "zkload")


def row(case, kind, base):
    results = kind.results[case.name]

    def median(value):
        return statistics.median(value(result) for result in results)

    def cpu(of):
        return statistics.median(result["cpu_us_per_op"] for result in of)

    costs = [result["cpu_us_per_op"] for result in results]
    first = kind is base
    return "%-18s %-7s %9.2f %17s %6s %6.0f %8.2f %9.0f %9.3f %9.3f %9.3f %6.2f %7.2f" % (
        case.name if first else "", kind.name, cpu(results), "%.2f..%.2f" % (min(costs), max(costs)),
        "" if first else "%.2f" % (cpu(results) / cpu(base.results[case.name])),
        median(lambda r: r["cpu_user_share"] * 100), median(lambda r: r["leader_us_per_op"]),
        median(lambda r: r["ops_per_s"]),
        median(lambda r: r["latency"]["p50_ms"]), median(lambda r: r["latency"]["p99_ms"]),
        median(lambda r: r["latency"]["max_ms"]), median(lambda r: r["slowest_of_fastest"]),
        median(lambda r: r["own_cpu_us_per_op"]))


def zkserver_command(path):
    path = os.path.abspath(path)
    if not os.path.exists(path):
        raise SystemExit("bench: there is no %s: build the release preset's zkserver, or name one with --bin" % path)
    return [path, "--log-level", "warn"]


def run(arguments, cases, directory):
    def folder(name):
        os.makedirs(os.path.join(directory, name))
        return os.path.join(directory, name)

    commands = {OURS: zkserver_command(arguments.bin)}
    if arguments.other_bin:
        commands[OTHER] = zkserver_command(arguments.other_bin)
    if not arguments.ours_only:
        commands[APACHE] = serve.apache_command()
    count = 1 if arguments.alone else 3
    settings = "clientLoops=%d" % arguments.loops
    kinds = [Kind(name, serve.Ensemble(name, command, folder(name), count, "" if name == APACHE else settings))
             for name, command in commands.items()]
    if arguments.alone:
        for name, command in commands.items():
            times = [serve.first_write_ms(command, folder("%s-start-%d" % (name, i))) for i in range(STARTS)]
            print("# %s: %.1f ms from start to first write, median of %d; %.1f..%.1f" % (
                name, statistics.median(times), STARTS, min(times), max(times)), flush=True)
    if arguments.floor:
        kinds.append(Kind(FLOOR, Floor(arguments.zkload, arguments.value, folder(FLOOR))))
    try:
        for kind in kinds:
            kind.start()
        for kind in kinds:
            kind.wait()
        print("# %d-byte values, %d rounds of %g s after %g s of warm-up%s" % (
            arguments.value, arguments.rounds, arguments.seconds, arguments.warmup,
            "" if arguments.ours_only else "; Apache's warmed for %g s more before each case" % arguments.jvm_warm))
        for kind in kinds:
            print("# %s: idle %s %.1f ms of CPU a second" % (
                kind.name, "it takes" if arguments.alone else "three servers take", kind.idle_ms_per_s(1 if arguments.smoke else 3)))
        print(HEAD, flush=True)
        for case in cases:
            measure(case, kinds, arguments)
            for kind in kinds:
                print(row(case, kind, kinds[0]), flush=True)
        if arguments.json:
            with open(arguments.json, "w") as f:
                json.dump({kind.name: kind.results for kind in kinds}, f, indent=1)
    finally:
        for kind in kinds:
            kind.ensemble.stop()


def chosen_cases(only, alone):
    cases = [case for case in (ALONE_CASES if alone else CASES) if not only or any(word in case.name for word in only)]
    if not cases:
        raise SystemExit("bench: no case has one of these words in its name: %s" % ", ".join(only))
    return cases


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(RELEASE, "zkserver"), help="our zkserver (the release build's)")
    parser.add_argument("--other-bin", help="a second build of zkserver, measured in the same run")
    parser.add_argument("--zkload", default=os.path.join(RELEASE, "zkload"), help="the load generator (the release build's)")
    parser.add_argument("--ours-only", action="store_true", help="leave Apache's server out")
    parser.add_argument("--alone", action="store_true", help="one server of each kind, alone (standalone)")
    parser.add_argument("--loops", type=int, default=1, metavar="N", help="clientLoops of ours")
    parser.add_argument("--floor", action="store_true", help="and servers that only answer: what the wire itself costs")
    parser.add_argument("--only", action="append", metavar="WORD", help="cases with this word in their name; repeatable")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="length of one measurement")
    parser.add_argument("--warmup", type=float, default=1, help="the same load before each measurement, seconds")
    parser.add_argument("--jvm-warm", type=float, default=10, help="the same load for Apache's before each case, seconds")
    parser.add_argument("--value", type=int, default=128, help="bytes of a znode's data")
    parser.add_argument("--bursts", action="store_true", help="see zkload --help")
    parser.add_argument("--dir", help="where the servers keep their data: a real disk (default: the temporary directory)")
    parser.add_argument("--json", metavar="FILE", help="every single result, too")
    parser.add_argument("--smoke", action="store_true", help="1 s a case, ours only, one round")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.ours_only, arguments.rounds, arguments.seconds, arguments.warmup = True, 1, 1, 0.2
    if arguments.alone and arguments.floor:
        parser.error("--floor is of three servers: not with --alone")
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return arguments


def main():
    arguments = parse()
    cases = chosen_cases(arguments.only, arguments.alone)
    if arguments.list:
        print("\n".join(case.name for case in cases))
        return 0
    if not os.path.exists(arguments.zkload):
        raise SystemExit("bench: there is no %s: cmake --build build/release --target zkload" % arguments.zkload)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped then, too
    directory = tempfile.mkdtemp(prefix="zkload-", dir=arguments.dir)
    try:
        disk = subprocess.run(["stat", "-f", "-c", "%T", directory], capture_output=True, text=True).stdout.strip()
        if disk in ("tmpfs", "ramfs"):
            print("# the servers' data is in memory (%s): writes cost less than on a disk; see --dir" % disk)
        run(arguments, cases, directory)
    finally:
        shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
