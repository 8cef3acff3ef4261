#!/usr/bin/env python3
"""How a follower that was away catches up, under load: three servers, each in a network namespace of its own.

    /usr/bin/python3 bench/catch_up.py OLD_ZKSERVER [NEW_ZKSERVER] [--cases slow,absent] [--megabytes 100] [--mbit 40]
                                       [--write-mb 3.5] [--znodes 1000000] [--txns 4000] [--limit 90]

slow:   a tree of so many MB, writes of so many MB/s, and a follower that starts empty behind a link of so many Mbit/s.
absent: a tree of so many znodes, and a follower that was away for so many txns.
A row says: seconds from the start of the follower until it serves ("never" after the limit), seconds of them from its first
synchronisation on, how often and how it was synchronised, and the leader's resident memory in MiB: before, highest, after.
Needs root and tc with tbf; leaves no namespace behind. Run it with nothing else on the machine.
"""
import argparse
import os
import re
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
import namespaces  # noqa: E402
import raw_client  # noqa: E402

NODE_BYTES = 100_000
WRITE_BYTES = 10_000
MULTI_CREATES = 1000
DEPTH = 16
PARENTS = 1000


def session(server):
    """A client of the server, usable from any thread."""
    def connect():
        client = raw_client.RawClient(namespaces.CLIENT_PORT, timeout=60)
        client.connect(40000)
        return client
    return namespaces.within(server.namespace, connect)


def pipelined(client, requests):
    """Sends (op, body) with DEPTH under way; raises on an error."""
    waiting = 0

    def read_one():
        _, _, error, _ = client.read()
        if error:
            raise RuntimeError("error %d" % error)

    for xid, (op, body) in enumerate(requests, 1):
        client.send(xid, op, body)
        waiting += 1
        if waiting >= DEPTH:
            read_one()
            waiting -= 1
    for _ in range(waiting):
        read_one()


def sets(count, size=WRITE_BYTES):
    data = b"w" * size
    return [(raw_client.SET_DATA, raw_client.set_data_body("/load", data)) for _ in range(count)]


class Writer(threading.Thread):
    """Sets /load at so many bytes a second until stopped; what is not answered in time is not made up for."""

    def __init__(self, server, bytes_per_second):
        super().__init__(daemon=True)
        self.client = session(server)
        self.pause = WRITE_BYTES * DEPTH / bytes_per_second
        self.stopped = threading.Event()
        self.written = 0
        self.began = time.monotonic()

    def run(self):
        try:
            while not self.stopped.is_set():
                began = time.monotonic()
                pipelined(self.client, sets(DEPTH))
                self.written += DEPTH * WRITE_BYTES
                self.stopped.wait(max(0.0, self.pause - (time.monotonic() - began)))
        except (OSError, raw_client.Closed, RuntimeError) as error:
            print("the writer ended: %r" % error, file=sys.stderr)

    def stop(self):
        self.stopped.set()
        self.join()
        return self.written / (time.monotonic() - self.began) / 1e6


def syncs(leader, sid):
    """The kinds of synchronisation that the leader has begun with `sid`."""
    return re.findall(r"leader\.sync sid=%d \S+ (\w+)" % sid, leader.log_text())


def reset_peak(server):
    with open("/proc/%d/clear_refs" % server.process.pid, "w") as f:
        f.write("5")


def come_back(leader, follower, limit):
    """Starts the follower; what a row says of it."""
    known = len(syncs(leader, follower.sid))
    before = leader.resident_kib()[0]
    reset_peak(leader)
    began = time.monotonic()
    follower.start()
    first_sync = None
    while time.monotonic() - began < limit:
        if first_sync is None and len(syncs(leader, follower.sid)) > known:
            first_sync = time.monotonic()
        if follower.mode() == "follower":
            break
        time.sleep(0.05)
    else:
        began = None
    now = time.monotonic()
    kinds = [kind.upper() for kind in syncs(leader, follower.sid)[known:]]
    after, highest = leader.resident_kib()
    return ("never" if began is None else "%.1f" % (now - began),
            "-" if first_sync is None or began is None else "%.1f" % (now - first_sync),
            " ".join("%dx%s" % (kinds.count(kind), kind) for kind in sorted(set(kinds))) or "none",
            "%d %d %d" % (before // 1024, highest // 1024, after // 1024))


def slow(binary, options):
    with namespaces.Ensemble(3, binary, tickTime=2000, initLimit=10, syncLimit=5) as ensemble:
        ensemble.start()
        leader, follower = ensemble.wait_leader(), ensemble.followers()[-1]
        client = session(leader)
        pipelined(client, [(raw_client.CREATE, raw_client.create_body("/load"))] + [
            (raw_client.CREATE, raw_client.create_body("/n%05d" % i, os.urandom(NODE_BYTES)))
            for i in range(int(options.megabytes * 1e6 / NODE_BYTES))])
        follower.stop()
        shutil.rmtree(os.path.join(follower.data_dir, "version-2"))
        ensemble.shape(follower, "%gmbit" % options.mbit)
        writer = Writer(leader, options.write_mb * 1e6)
        writer.start()
        time.sleep(2)
        row = come_back(leader, follower, options.limit)
        return row + ("wrote %.1f MB/s" % writer.stop(),)


def absent(binary, options):
    with namespaces.Ensemble(3, binary, tickTime=2000, initLimit=30, syncLimit=15) as ensemble:
        ensemble.start()
        leader, follower = ensemble.wait_leader(), ensemble.followers()[-1]
        client = session(leader)
        create = raw_client.CREATE
        pipelined(client, [(create, raw_client.create_body("/load"))] + [
            (create, raw_client.create_body("/p%d" % i)) for i in range(PARENTS)])
        per_parent = max(1, options.znodes // PARENTS)
        requests = []
        for i in range(PARENTS):
            for low in range(0, per_parent, MULTI_CREATES):
                parts = [(create, raw_client.create_body("/p%d/%d" % (i, j), b"some data"))
                         for j in range(low, min(per_parent, low + MULTI_CREATES))]
                requests.append((raw_client.MULTI, raw_client.multi_body(*parts)))
        pipelined(client, requests)
        time.sleep(3)  # snapshots that are under way
        follower.stop()
        pipelined(client, sets(options.txns, 100))
        return come_back(leader, follower, options.limit) + ("",)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", nargs="+", metavar="ZKSERVER")
    parser.add_argument("--cases", default="slow,absent")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--mbit", type=float, default=40)
    parser.add_argument("--write-mb", type=float, default=3.5)
    parser.add_argument("--znodes", type=int, default=1_000_000)
    parser.add_argument("--txns", type=int, default=4000)
    parser.add_argument("--limit", type=float, default=90)
    options = parser.parse_args()
    if not namespaces.available():
        sys.exit("needs root and network namespaces")
    print("%-7s %-7s %-9s %-16s %-18s %-14s %s" % (
        "case", "serves", "sync_took", "syncs", "leader_mib", "", "binary"))
    for case in options.cases.split(","):
        for binary in options.binaries:
            row = {"slow": slow, "absent": absent}[case](os.path.abspath(binary), options)
            print("%-7s %-7s %-9s %-16s %-18s %-14s %s" % ((case,) + row + (binary,)), flush=True)


if __name__ == "__main__":
    main()
