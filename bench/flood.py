#!/usr/bin/python3
"""What a few clients with large writes do to an ensemble, before and after a change.

    bench/flood.py OLD NEW [WRITES]

OLD and NEW are zkserver programs (or "-" to leave one out). For each: three servers on the loopback address; three
connections pipeline WRITES (100) legal setData of 1,000,000 bytes each, first at a follower, then, with fresh servers, at
the leader. Beside them a small client on the same server sets 10 bytes, one after the other. Printed per run: writes that
were answered, connections that were cut, the seconds it took, the peak memory (VmHWM) of the flooded server and of the
leader, and the small client's latency. Nothing else should run beside it.
"""
import os
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
import raw_client as raw  # noqa: E402
import servers  # noqa: E402

CONNECTIONS = 3
DATA_BYTES = 1000000
PATIENCE_SECONDS = 60


class Flood:
    """One connection that sends as fast as its socket takes, and counts answers."""

    def __init__(self, port, node, writes):
        self.client = raw.RawClient(port)
        self.client.connect(30000)
        body = raw.set_data_body(node, b"d" * DATA_BYTES)
        frames = []
        for xid in range(1, writes + 1):
            payload = struct.pack(">ii", xid, raw.SET_DATA) + body
            frames.append(struct.pack(">i", len(payload)) + payload)
        self.out = memoryview(b"".join(frames))
        self.client.socket.setblocking(False)
        self.received = b""
        self.answered = 0
        self.refused = 0
        self.wanted = writes
        self.cut = False

    def fileno(self):
        return self.client.socket.fileno()

    def done(self):
        return self.cut or self.answered + self.refused >= self.wanted

    def write(self):
        try:
            self.out = self.out[self.client.socket.send(self.out[:1 << 18]):]
        except BlockingIOError:
            pass
        except OSError:
            self.cut = True

    def read(self):
        try:
            chunk = self.client.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.cut = True
            return
        self.received += chunk
        while len(self.received) >= 4:
            length = struct.unpack(">i", self.received[:4])[0]
            if len(self.received) < 4 + length:
                return
            xid, _, error = struct.unpack(">iqi", self.received[4:20])
            self.received = self.received[4 + length:]
            if xid > 0:
                self.answered += error == 0
                self.refused += error != 0


class Small:
    """One small write at a time."""

    def __init__(self, port):
        self.client = raw.RawClient(port)
        self.client.connect(30000)
        self.client.socket.setblocking(False)
        self.latencies = []
        self.begun = None
        self.cut = False
        self.received = b""
        self.next()

    def fileno(self):
        return self.client.socket.fileno()

    def next(self):
        self.begun = time.monotonic()
        try:
            self.client.send(len(self.latencies) + 1, raw.SET_DATA, raw.set_data_body("/small", b"0123456789"))
        except OSError:
            self.cut = True

    def read(self):
        try:
            chunk = self.client.socket.recv(4096)
        except OSError:
            chunk = b""
        if not chunk:
            self.cut = True
            return
        self.received += chunk
        if len(self.received) < 4 or len(self.received) < 4 + struct.unpack(">i", self.received[:4])[0]:
            return
        self.received = b""
        self.latencies.append(time.monotonic() - self.begun)
        self.next()


def peak_mib(server):
    with open("/proc/%d/status" % server.process.pid) as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024.0
    return 0.0


def run(name, at, writes):
    with servers.Ensemble([servers.OURS] * 3, tickTime=2000, initLimit=10, syncLimit=5, minSessionTimeout=4000,
                          maxSessionTimeout=60000) as ensemble:
        ensemble.start()
        leader = ensemble.wait_leader()
        target = leader if at == "leader" else ensemble.followers()[0]
        with raw.RawClient(leader.client_port) as setup:
            setup.connect(10000)
            for i in range(CONNECTIONS):
                setup.call(1, raw.CREATE, raw.create_body("/large%d" % i))
            setup.call(2, raw.CREATE, raw.create_body("/small"))
            setup.call(3, raw.SYNC, raw.string("/"))
        floods = [Flood(target.client_port, "/large%d" % i, writes) for i in range(CONNECTIONS)]
        small = Small(target.client_port)
        begun = last = time.monotonic()
        while not all(flood.done() for flood in floods):
            living = [flood for flood in floods if not flood.done()]
            readers = living + ([] if small.cut else [small])
            readable, writable, _ = select.select(readers, [flood for flood in living if len(flood.out)], [], 1)
            before = sum(flood.answered for flood in floods)
            for one in readable:
                one.read()
            for one in writable:
                one.write()
            if sum(flood.answered for flood in floods) != before:
                last = time.monotonic()
            if time.monotonic() - last > PATIENCE_SECONDS:
                break
        took = time.monotonic() - begun
        waits = list(small.latencies)
        if not small.cut and small.begun is not None:
            waits.append(time.monotonic() - small.begun)
        print("%-4s at the %-8s answered %d of %d, refused %d, cut %d, %.1f s; peak MiB: leader %.0f, %s %.0f; "
              "small client: %d writes, max %.0f ms%s" % (
                  name, at, sum(f.answered for f in floods), CONNECTIONS * writes, sum(f.refused for f in floods),
                  sum(f.cut for f in floods), took, peak_mib(leader), "flooded", peak_mib(target),
                  len(small.latencies), 1000 * max(waits or [0]), ", cut" if small.cut else ""))
        sys.stdout.flush()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    writes = int(sys.argv[3]) if len(sys.argv) > 3 else 100
    for name, program in (("old", sys.argv[1]), ("new", sys.argv[2])):
        if program == "-":
            continue
        os.environ["ZKPROV_BIN"] = os.path.abspath(program)
        for at in ("follower", "leader"):
            run(name, at, writes)


if __name__ == "__main__":
    main()
