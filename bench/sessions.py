#!/usr/bin/env python3
"""What sessions cost one server: resident memory of idle ones, and processor time of watch events. Ours beside Apache's in one
run.

    /usr/bin/python3 bench/sessions.py build/release/bin/zkserver [--other OLD] [--ours-only]
                                       [--idle 10000] [--watchers 1000] [--watches 10] [--rounds 5]

Idle: bytes of resident memory beyond that of the same server with one session, by the number of sessions; a JVM's heap is
collected first (jcmd), where there is a jcmd. Events: each of the watchers waits for the data of the same few nodes; these are set, and the
processor time from the first set to the last event is divided by the events (the sets are in it: one for as many events as
there are watchers). The clock is the kernel's of the whole process, in nanoseconds.
"""
import argparse
import os
import resource
import selectors
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
from raw_client import CREATE, GET_DATA, SET_DATA, create_body, set_data_body, watch_body  # noqa: E402
from serve import apache_command  # noqa: E402
from servers import free_ports, four_letter, wait_until  # noqa: E402

TIMEOUT_MS = 600_000
PATIENCE_S = 120
AT_ONCE = 200  # connections that are opened before the first of them is waited for
HEADER = 4 + 16


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def request(xid, op, body):
    return frame(struct.pack(">ii", xid, op) + body)


class Connection:
    """One session whose answers and events are counted, not looked at but for their errors."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(frame(struct.pack(">iqiq", 0, 0, TIMEOUT_MS, 0) + struct.pack(">i", 16) + b"\0" * 16 + b"\0"))
        self.pending = b""
        self.events = 0

    def fileno(self):
        return self.socket.fileno()

    def exactly_one_frame(self):
        while True:
            payload = self.take()
            if payload is not None:
                return payload
            self.receive()

    def join(self):
        if struct.unpack(">q", self.exactly_one_frame()[8:16])[0] == 0:
            raise SystemExit("bench: the server gave no session")

    def receive(self):
        more = self.socket.recv(65536)
        if not more:
            raise SystemExit("bench: the server has closed a connection")
        self.pending += more

    def take(self):
        if len(self.pending) < 4:
            return None
        size = struct.unpack(">i", self.pending[:4])[0]
        if len(self.pending) < 4 + size:
            return None
        payload, self.pending = self.pending[4:4 + size], self.pending[4 + size:]
        return payload

    def call(self, xid, op, body):
        self.socket.sendall(request(xid, op, body))
        self.answer(xid)

    def answer(self, xid):
        while True:
            payload = self.exactly_one_frame()
            told, _, error = struct.unpack(">iqi", payload[:16])
            if told == -1:
                self.events += 1
                continue
            if (told, error) != (xid, 0):
                raise SystemExit("bench: answer %d with error %d, not %d with 0" % (told, error, xid))
            return

    def count_events(self):
        self.receive()
        for payload in iter(self.take, None):
            if struct.unpack(">i", payload[:4])[0] == -1:
                self.events += 1


class Server:
    def __init__(self, name, command, folder):
        self.name = name
        self.folder = os.path.join(folder, name)
        os.makedirs(os.path.join(self.folder, "data"))
        self.port = free_ports(1)[0]
        with open(os.path.join(self.folder, "zoo.cfg"), "w") as f:
            f.write("tickTime=2000\ndataDir=%s/data\nclientPort=%d\nmaxClientCnxns=0\nmaxSessionTimeout=%d\n"
                    "4lw.commands.whitelist=*\nadmin.enableServer=false\n" % (self.folder, self.port, TIMEOUT_MS))
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(command + [os.path.join(self.folder, "zoo.cfg")], stdout=self.log, stderr=self.log)
        wait_until("%s serves (%s/log)" % (name, self.folder), lambda: "Mode" in (four_letter(self.port, "srvr") or ""))

    def cpu_s(self):
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def rss(self):
        if "java" in os.path.basename(self.process.args[0]) and shutil.which("jcmd"):
            subprocess.run(["jcmd", str(self.process.pid), "GC.run"], stdout=subprocess.DEVNULL, check=False)
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def open_sessions(port, count):
    connections = []
    while len(connections) < count:
        some = [Connection(port) for _ in range(min(AT_ONCE, count - len(connections)))]
        for connection in some:
            connection.join()
        connections += some
    return connections


def idle_bytes(server, count):
    first = open_sessions(server.port, 1)
    before = server.rss()
    connections = open_sessions(server.port, count)
    time.sleep(1)
    per_session = (server.rss() - before) / count
    for connection in first + connections:
        connection.socket.close()
    return per_session


def event_us(server, watchers, watches, rounds):
    """Of each round."""
    connections = open_sessions(server.port, watchers)
    writer = open_sessions(server.port, 1)[0]
    paths = ["/watched-%d" % i for i in range(watches)]
    for xid, path in enumerate(paths):
        writer.call(xid, CREATE, create_body(path, b"x"))
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ, connection)
    results = []
    for _ in range(rounds + 1):  # the first one warms up
        for connection in connections:
            connection.socket.sendall(b"".join(request(i, GET_DATA, watch_body(path, True)) for i, path in enumerate(paths)))
        for connection in connections:
            for i in range(watches):
                connection.answer(i)
            connection.events = 0
        missing = watchers * watches
        began = server.cpu_s()
        writer.socket.sendall(b"".join(request(i, SET_DATA, set_data_body(path, b"y")) for i, path in enumerate(paths)))
        deadline = time.monotonic() + PATIENCE_S
        while missing > 0:
            for key, _ in selector.select(1):
                before = key.data.events
                key.data.count_events()
                missing -= key.data.events - before
            if time.monotonic() > deadline:
                raise SystemExit("bench: %d events did not come" % missing)
        results.append((server.cpu_s() - began) * 1e6 / (watchers * watches))
        for i in range(watches):
            writer.answer(i)
    for connection in connections + [writer]:
        connection.socket.close()
    return results[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zkserver")
    parser.add_argument("--other", help="another build of ours")
    parser.add_argument("--ours-only", action="store_true", help="leave Apache's server out")
    parser.add_argument("--idle", type=int, default=10_000, help="idle sessions")
    parser.add_argument("--watchers", type=int, default=1000, help="sessions that wait")
    parser.add_argument("--watches", type=int, default=10, help="nodes that each waits for")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    wanted = max(options.idle, options.watchers) + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SystemExit("bench: %d open files are needed, and %d are allowed (ulimit -n)" % (wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    commands = {"zkserver": [os.path.abspath(options.zkserver), "--log-level", "warn"]}
    if options.other:
        commands["other"] = [os.path.abspath(options.other), "--log-level", "warn"]
    if not options.ours_only:
        commands["apache"] = apache_command()
    folder = tempfile.mkdtemp(prefix="zkbench-")
    try:
        print("%-10s %18s %22s %17s" % ("server", "bytes/idle session", "CPU us/watch event", "min..max"))
        base = None
        for name, command in commands.items():
            server = Server(name, command, folder)
            idle = idle_bytes(server, options.idle)
            server.stop()
            server = Server(name + "-events", command, folder)
            events = event_us(server, options.watchers, options.watches, options.rounds)
            server.stop()
            median = statistics.median(events)
            base = base or (idle, median)
            print("%-10s %10.0f (x%5.2f) %14.2f (x%5.2f) %17s" % (
                name, idle, idle / base[0] if base[0] > 0 else 0, median, median / base[1], "%.2f..%.2f" % (min(events), max(events))),
                flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
