#!/usr/bin/env python3
"""Server cost side by side: Apache's server and zkserver, three of each on loopback, same load, one run.

    /usr/bin/python3 bench/serve.py build/release/bin/zkserver [--gets 200000] [--sets 30000] [--depth 50]

Prints, for each: time from start to the first served request, idle resident memory, processor time per operation (all
three servers together) for getData and setData of 100 bytes over 4 connections with `depth` requests under way on each,
operations per second, and the ratio. Processor time is what to compare; the rates depend on everything else the machine does.
"""

import argparse
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 4


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Ensemble:
    """Three servers of one kind, or one that is alone, started and stopped by pid."""

    def __init__(self, name, command, directory, count=3, settings=""):
        self.name = name
        self.command = command
        self.directory = directory
        ports = free_ports(3 * count)
        self.client_ports = ports[:count]
        lines = ["server.%d=127.0.0.1:%d:%d" % (i + 1, ports[count + i], ports[2 * count + i]) for i in range(count)]
        if count == 1:
            lines = []
        self.configs = []
        for i in range(count):
            data = os.path.join(directory, "data%d" % (i + 1))
            os.makedirs(data)
            with open(os.path.join(data, "myid"), "w") as f:
                f.write("%d" % (i + 1))
            path = os.path.join(directory, "zoo%d.cfg" % (i + 1))
            with open(path, "w") as f:
                f.write("tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=%s\nclientPort=%d\n"
                        "4lw.commands.whitelist=*\nadmin.enableServer=false\nmaxClientCnxns=0\n%s\n%s\n"
                        % (data, self.client_ports[i], "\n".join(lines), settings))
            self.configs.append(path)
        self.processes = []

    def start(self):
        self.started = time.monotonic()
        for i, config in enumerate(self.configs):
            log = open(os.path.join(self.directory, "log%d" % (i + 1)), "w")
            self.processes.append(subprocess.Popen(self.command + [config], stdout=log, stderr=log))

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def cpu_seconds(self):
        total = 0
        for process in self.processes:
            fields = open("/proc/%d/stat" % process.pid).read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def rss_mib(self):
        sizes = []
        for process in self.processes:
            for line in open("/proc/%d/status" % process.pid):
                if line.startswith("VmRSS"):
                    sizes.append(int(line.split()[1]) / 1024)
        return sum(sizes) / len(sizes)


class Session:
    """The least of a client: pipelined requests over one connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        request = struct.pack(">iqiqi16sb", 0, 0, 30000, 0, 16, b"\0" * 16, 0)
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        reply = self.frame()
        if struct.unpack(">iiq", reply[:16])[2] == 0:
            raise ConnectionError("no session")

    def frame(self):
        while True:
            if len(self.buffer) >= 4:
                length = struct.unpack(">i", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + length:
                    frame = self.buffer[4:4 + length]
                    self.buffer = self.buffer[4 + length:]
                    return frame
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("closed")
            self.buffer += data

    def batch(self, request, count):
        """Sends the same request `count` times and reads all answers. Raises on an error code."""
        self.socket.sendall(request * count)
        for _ in range(count):
            frame = self.frame()
            error = struct.unpack(">i", frame[12:16])[0]
            if error != 0:
                raise RuntimeError("error %d" % error)

    def call(self, request):
        self.socket.sendall(request)
        return struct.unpack(">i", self.frame()[12:16])[0]


def text(value):
    return struct.pack(">i", len(value)) + value


def frame(op, body, xid=1):
    payload = struct.pack(">ii", xid, op) + body
    return struct.pack(">i", len(payload)) + payload


PATH = b"/bench"
CREATE = frame(1, text(PATH) + text(b"x" * 100) + struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone") + struct.pack(">i", 0))
GET = frame(4, text(PATH) + b"\0")
SET = frame(5, text(PATH) + text(b"y" * 100) + struct.pack(">i", -1))


def wait_for_session(port, deadline_s=60):
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            return Session(port)
        except (OSError, ConnectionError):
            time.sleep(0.02)
    raise SystemExit("no server on port %d within %d s" % (port, deadline_s))


def first_write_ms(command, directory):
    """From the start of a server alone on an empty directory to its first write that was answered."""
    ensemble = Ensemble("first", command, directory, count=1)
    ensemble.start()
    try:
        while True:
            try:
                session = Session(ensemble.client_ports[0])
                break
            except (OSError, ConnectionError):
                if ensemble.processes[0].poll() is not None or time.monotonic() - ensemble.started > 60:
                    raise SystemExit("the server in %s does not serve" % directory)
                time.sleep(0.0005)
        if session.call(CREATE) != 0:
            raise SystemExit("the first write failed")
        return (time.monotonic() - ensemble.started) * 1000
    finally:
        ensemble.stop()


def load(ensemble, request, operations, depth):
    sessions = [wait_for_session(ensemble.client_ports[i % 3]) for i in range(CONNECTIONS)]
    each = operations // CONNECTIONS // depth
    failures = []

    def work(session):
        try:
            for _ in range(each):
                session.batch(request, depth)
        except Exception as error:  # shown and fatal below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(s,)) for s in sessions]
    cpu = ensemble.cpu_seconds()
    began = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - began
    cpu = ensemble.cpu_seconds() - cpu
    for s in sessions:
        s.socket.close()
    if failures:
        raise SystemExit("%s: load failed: %r" % (ensemble.name, failures[0]))
    count = each * depth * CONNECTIONS
    return cpu / count * 1e6, count / took


def measure(name, command, arguments):
    directory = tempfile.mkdtemp(prefix="zkbench-")
    ensemble = Ensemble(name, command, directory)
    try:
        ensemble.start()
        session = wait_for_session(ensemble.client_ports[0])
        error = session.call(CREATE)
        if error != 0:
            raise SystemExit("create failed: %d" % error)
        first = time.monotonic() - ensemble.started
        time.sleep(2)
        result = {"start_s": first, "rss_mib": ensemble.rss_mib()}
        load(ensemble, GET, arguments.gets // 2, arguments.depth)  # warm, above all the JVM
        load(ensemble, SET, arguments.sets // 2, arguments.depth)
        result["get_us"], result["get_rate"] = load(ensemble, GET, arguments.gets, arguments.depth)
        result["set_us"], result["set_rate"] = load(ensemble, SET, arguments.sets, arguments.depth)
        result["rss_after_mib"] = ensemble.rss_mib()
        return result
    finally:
        ensemble.stop()
        shutil.rmtree(directory)


def apache_command():
    jar = "/usr/share/java/zookeeper.jar"
    if not os.path.exists(jar) or not shutil.which("java"):
        raise SystemExit("bench: Debian's zookeeper package and a JRE are needed")
    # As zkServer.sh does: other classes bring a logger of their own, and without a level log4j makes debug lines.
    return ["java", "-Xmx1g", "-Dzookeeper.root.logger=INFO,CONSOLE", "-cp",
            "/etc/zookeeper/conf:" + jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("zkserver")
    parser.add_argument("--gets", type=int, default=200000)
    parser.add_argument("--sets", type=int, default=30000)
    parser.add_argument("--depth", type=int, default=50)
    arguments = parser.parse_args()
    ours = measure("zkserver", [os.path.abspath(arguments.zkserver), "--log-level", "warn"], arguments)
    apache = measure("Apache 3.8.0", apache_command(), arguments)
    rows = [("start to first served write, s", "start_s"), ("resident memory idle, MiB a server", "rss_mib"),
            ("resident memory after load, MiB a server", "rss_after_mib"),
            ("getData, us of processor time", "get_us"), ("setData, us of processor time (3 servers)", "set_us"),
            ("getData/s", "get_rate"), ("setData/s", "set_rate")]
    print("%-45s %12s %12s %8s" % ("", "zkserver", "Apache", "ratio"))
    for label, key in rows:
        print("%-45s %12.2f %12.2f %8.2f" % (label, ours[key], apache[key], ours[key] / apache[key]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
