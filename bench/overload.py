#!/usr/bin/env python3
"""What ten times the load does to one server: does it still serve as much, and how large does it grow? Ours beside Apache's in
one run.

    /usr/bin/python3 bench/overload.py [--bin build/release/bin/zkserver] [--ours-only] [--seconds 5] [--json FILE]

Per case the server is loaded with as many requests under way as it can use (100 sessions, 64 each), and then with ten times as
many sessions. "of best" is the rate under the second load by that under the first. `slow`: the first load again, beside sessions that
ask for megabytes and take nothing. MiB is the highest resident memory so far. Each kind of server gets a fresh process for
each case.
"""
import argparse
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
from raw_client import CREATE, GET_DATA, RawClient, create_body, watch_body  # noqa: E402
from serve import apache_command  # noqa: E402
from sessions import Server  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
RELEASE = os.path.join(HERE, "..", "build", "release", "bin")
SESSIONS, DEPTH, TIMES = 100, 64, 10
SLOW, SLOW_REQUESTS, SLOW_BYTES = 1000, 64, 900_000


def zkload(options, server, op, sessions, seconds):
    ran = subprocess.run(
        [options.zkload, "--json", "--servers", "127.0.0.1:%d" % server.port, "--pids", str(server.process.pid), "--op", op,
         "--sessions", str(sessions), "--depth", str(DEPTH), "--value", "128", "--warmup", "1", "--seconds", str(seconds)],
        capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit("bench: %s, %s over %d sessions: zkload failed: %s" % (server.name, op, sessions, ran.stderr.strip()))
    return json.loads(ran.stdout)["ops_per_s"]


def peak_mib(server):
    with open("/proc/%d/status" % server.process.pid) as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmHWM"))


def slow_readers(server):
    """Sessions that ask for megabytes and take nothing; their sockets."""
    with RawClient(server.port) as client:
        client.connect(30000)
        if client.call(1, CREATE, create_body("/large", b"x" * SLOW_BYTES))[2] != 0:
            raise SystemExit("bench: a create failed")
    readers = []
    for _ in range(SLOW):
        client = RawClient(server.port)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(30000)
        body = struct.pack(">ii", 1, GET_DATA) + watch_body("/large")
        client.socket.sendall((struct.pack(">i", len(body)) + body) * SLOW_REQUESTS)
        readers.append(client)
    return readers


def run(options, name, command, op, folder):
    server = Server("%s-%s" % (name, op), command, folder)
    try:
        if "apache" in name:
            zkload(options, server, op, SESSIONS, options.jvm_warm)
        best = zkload(options, server, op, SESSIONS, options.seconds)
        normal = peak_mib(server)
        many = zkload(options, server, op, SESSIONS * TIMES, options.seconds)
        result = {"case": op, "server": name, "best_ops_per_s": best, "of_best": many / best, "mib": normal,
                  "mib_tenfold": peak_mib(server)}
        readers = slow_readers(server)
        result["of_best_slow"] = zkload(options, server, op, SESSIONS, options.seconds) / best
        result["mib_slow"] = peak_mib(server)
        for reader in readers:
            reader.close()
        return result
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(RELEASE, "zkserver"))
    parser.add_argument("--zkload", default=os.path.join(RELEASE, "zkload"))
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--jvm-warm", type=float, default=10)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    wanted = 2 * SESSIONS * TIMES + SLOW
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(wanted, hard if hard > 0 else wanted)), hard))
    commands = {"zkserver": [os.path.abspath(options.bin), "--log-level", "warn"]}
    if not options.ours_only:
        commands["apache"] = apache_command()
    folder = tempfile.mkdtemp(prefix="zkbench-")
    results = []
    try:
        print("%-6s %-10s %12s %16s %16s %24s" % ("case", "server", "best ops/s", "tenfold, of best", "slow, of best",
                                                  "MiB: best/tenfold/slow"))
        for op in ("get", "set", "mixed"):
            for name, command in commands.items():
                one = run(options, name, command, op, folder)
                results.append(one)
                print("%-6s %-10s %12.0f %16.2f %16.2f %24s" % (
                    op, name, one["best_ops_per_s"], one["of_best"], one["of_best_slow"],
                    "%.0f/%.0f/%.0f" % (one["mib"], one["mib_tenfold"], one["mib_slow"])), flush=True)
        if options.json:
            with open(options.json, "w") as f:
                json.dump(results, f, indent=1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
