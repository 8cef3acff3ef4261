#!/usr/bin/env python3
"""What a million znodes cost one server: processor time until it serves them after a restart, and resident memory then. Ours
beside Apache's, both from the same snapshot file; and ours again after creating them by txns.

    /usr/bin/python3 bench/memory.py build/release/bin/zkserver [--nodes 1000000] [--data 100] [--other OLD] [--ours-only]

Bytes a znode are the resident memory beyond that of the same server without znodes, by their number; the name (8 bytes) and
the data are part of it. Processor time is the kernel's, of the whole process, user and system, less that of an empty start.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
from raw_client import CREATE, MULTI, RawClient, create_body, multi_body  # noqa: E402
from servers import JARS, free_ports  # noqa: E402
from snapshot_file import write_snapshot  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
A_DIRECTORY = 1000
PATIENCE_S = 300


def paths(count):
    """Directories of a thousand each."""
    for i in range(count):
        if i % A_DIRECTORY == 0:
            yield "/d%06d" % (i // A_DIRECTORY), True
        yield "/d%06d/n%07d" % (i // A_DIRECTORY, i), False


def nodes(count, data):
    for name, directory in paths(count):
        yield name, b"" if directory else data, A_DIRECTORY if directory else 0


class Server:
    def __init__(self, name, command, folder):
        self.name, self.command, self.folder = name, command, folder
        self.port = free_ports(1)[0]
        self.data = os.path.join(folder, name)
        os.makedirs(os.path.join(self.data, "version-2"))
        self.config = os.path.join(folder, name + ".cfg")
        with open(self.config, "w") as file:
            file.write("tickTime=2000\ndataDir=%s\nclientPort=%d\n4lw.commands.whitelist=*\nadmin.enableServer=false\n"
                       "snapCount=100000000\n" % (self.data, self.port))

    def start(self):
        self.log = open(os.path.join(self.folder, self.name + ".log"), "ab")
        self.process = subprocess.Popen(self.command + [self.config], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + PATIENCE_S
        while not self.serves():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("%s did not start: see %s" % (self.name, self.log.name))
            time.sleep(0.01)
        return self.cpu_s()

    def serves(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s:
                s.sendall(b"srvr")
                return b"Mode" in s.recv(65536)
        except OSError:
            return False

    def cpu_s(self):
        with open("/proc/%d/stat" % self.process.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def create_all(port, count, data):
    """By txns: a hundred creates each."""
    with RawClient(port, timeout=PATIENCE_S) as client:
        client.connect(30000)
        batch, xid = [], 0
        for name, directory in paths(count):
            batch.append((CREATE, create_body(name, b"" if directory else data)))
            if len(batch) == 100:
                xid += 1
                if client.call(xid, MULTI, multi_body(*batch))[2] != 0:
                    raise SystemExit("a create failed")
                batch = []
        if batch:
            client.call(xid + 1, MULTI, multi_body(*batch))


def measure(name, command, options, folder, snapshot):
    data = b"x" * options.data
    server = Server(name, command, folder)
    empty_cpu, empty_rss = server.start(), None
    empty_rss = server.rss()
    server.stop()
    for file in os.listdir(os.path.join(server.data, "version-2")):
        os.unlink(os.path.join(server.data, "version-2", file))
    os.link(snapshot, os.path.join(server.data, "version-2", "snapshot.1"))
    restarts = []
    for _ in range(options.rounds):
        restarts.append(server.start() - empty_cpu)
        loaded = server.rss() - empty_rss
        server.stop()
    row = [name, "%.2f" % sorted(restarts)[len(restarts) // 2], "%.0f" % (loaded / options.nodes)]
    if "apache" not in name:
        shutil.rmtree(os.path.join(server.data, "version-2"))
        os.makedirs(os.path.join(server.data, "version-2"))
        server.start()
        began = server.cpu_s()
        create_all(server.port, options.nodes, data)
        row += ["%.0f" % ((server.rss() - empty_rss) / options.nodes), "%.2f" % ((server.cpu_s() - began) * 1e6 / options.nodes)]
        server.stop()
    print("%-14s restart CPU %6s s   RSS a znode %6s B%s" % (
        tuple(row[:3]) + (("   after creating %s B, %s us CPU each" % tuple(row[3:])) if len(row) > 3 else "",)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zkserver")
    parser.add_argument("--other", help="another build of ours")
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--data", type=int, default=100, help="bytes of data of each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours-only", action="store_true")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="zkmemory-")
    try:
        snapshot = os.path.join(folder, "snapshot")
        write_snapshot(snapshot, nodes(options.nodes, b"x" * options.data))
        measure("ours", [os.path.abspath(options.zkserver)], options, folder, snapshot)
        if options.other:
            measure("other", [os.path.abspath(options.other)], options, folder, snapshot)
        if not options.ours_only:
            measure("apache", ["java", "-Xmx4g", "-cp", ":".join(JARS), "org.apache.zookeeper.server.quorum.QuorumPeerMain"],
                    options, folder, snapshot)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
