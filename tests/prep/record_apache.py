#!/usr/bin/python3
"""Drives a standalone Apache ZooKeeper on loopback with seeded random writes and leaves behind what it was asked and
what it made of it: OUT/requests (one line a write: session cxid op body, all hex but cxid and op), its txn log and a
snapshot of the end state. Exit code 77: there is no Apache server on this machine.

Usage: record_apache.py OUT SEED COUNT
"""
import os
import random
import socket
import struct
import subprocess
import sys
import time

CLASSPATH = "/etc/zookeeper/conf:/usr/share/java/zookeeper.jar"
SESSION_MS = 600000  # nobody expires, however slow the machine
OPEN = [(31, "world", "anyone")]
NAMES = ["a", "b", "c", "d", "\u00e9t\u00e9", "long-name-with-some-more-letters"]
DIGEST_U = "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="  # u:p


def i32(value):
    return struct.pack(">i", value)


def text(value):
    if value is None:
        return i32(-1)
    raw = value if isinstance(value, bytes) else value.encode()
    return i32(len(raw)) + raw


def acl_list(entries):
    if entries is None:
        return i32(-1)
    return i32(len(entries)) + b"".join(i32(p) + text(s) + text(i) for p, s, i in entries)


class Connection:
    def __init__(self, port, timeout_ms=SESSION_MS):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.send(i32(0) + struct.pack(">q", 0) + i32(timeout_ms) + struct.pack(">q", 0) + text(b"\0" * 16) + b"\0")
        reply = self.receive()
        self.session = struct.unpack(">q", reply[8:16])[0]
        self.cxid = 0

    def send(self, payload):
        self.sock.sendall(i32(len(payload)) + payload)

    def receive(self):
        size = struct.unpack(">i", self.exactly(4))[0]
        return self.exactly(size)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise EOFError("the server closed the connection")
            data += part
        return data

    def request(self, op, body):
        self.cxid += 1
        self.send(i32(self.cxid) + i32(op) + body)
        return self.cxid

    def authenticate(self, credentials):
        self.send(i32(-4) + i32(100) + i32(0) + text("digest") + text(credentials))
        assert self.receive()[12:16] == i32(0)


class Generator:
    def __init__(self, rng):
        self.rng = rng

    def path(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.06:
            return rng.choice(["", "a", "foo/bar", "/a/", "//", "/a//b", "/a/./b", "/..", "/a\x01", "/a\0b", "/\ue000",
                               "/\U0001f600", b"/\xff", "/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config",
                               "/zookeeper/quota/q", "/zookeeper/x", None])
        # Quirks of Apache's server that are kept out of the way: it projects outstanding changes of "/" and of "" apart
        # (wrong digests until they are applied); a null path inside a multi takes a zxid without a txn; a null path is
        # -8 for setData and setACL, but -5 for the others; TTL flags in a create record inside a multi make the whole
        # request fail with -5.
        return "".join("/" + rng.choice(NAMES) for _ in range(rng.choice([1, 1, 2, 2, 2, 3, 4])))

    def data(self):
        rng = self.rng
        return rng.choice([None, b"", b"x", bytes(rng.randrange(256) for _ in range(rng.randrange(200)))])

    def acl(self):
        rng = self.rng
        if rng.random() < 0.75:
            return OPEN
        return rng.choice([[], None, [(1, "world", "anyone")], [(31, "auth", "")], [(31, "digest", DIGEST_U)],
                           [(31, "digest", "nocolon")], [(31, "ip", "127.0.0.1")], [(31, "ip", "127.0.0.0/8")],
                           [(31, "ip", "10.0.0.0/33")], [(31, "nope", "x")], [(31, "world", "someone")],
                           [(1, "world", "anyone"), (1, "world", "anyone"), (30, "digest", "q:b")],
                           [(31, "ip", "10.1.2.3"), (8, "world", "anyone"), (4, "world", "anyone")],
                           [(1, "world", "anyone"), (31, "digest", "a:b"), (31, "auth", "ignored")]])

    def version(self):
        return self.rng.choice([-1, -1, -1, 0, 0, 1, 2, -2])

    def create_body(self, multi, flags):
        # It looks at the flags before it notices that there is no path.
        return text(self.path_in(multi or flags not in range(4), 1)) + text(self.data()) + acl_list(self.acl()) + i32(flags)

    def path_in(self, multi, op):
        path = self.path()
        while (path is None and (multi or op in (5, 7))) or (path == "/" and op in (5, 7)):
            path = self.path()
        return path

    def single(self, multi):
        """(op, body) of one operation; in a multi also check, and containers by flag."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.45:
            flags = rng.choice([0, 0, 0, 1, 1, 2, 2, 3])
            if rng.random() < 0.05:
                flags = rng.choice([7, 9, -1] if multi else [5, 6, 7, 9, -1])
            if rng.random() < 0.08:
                return 19, self.create_body(multi, 4)
            if rng.random() < 0.08:
                ttl = rng.choice([1, 1000, 10 ** 9, 2 ** 40 - 1, 0, -1, 2 ** 40])
                return 21, self.create_body(multi, rng.choice([5, 5, 6])) + struct.pack(">q", ttl)
            return rng.choice([1, 15]), self.create_body(multi, flags)
        if kind < 0.62:
            return 2, text(self.path_in(multi, 2)) + i32(self.version())
        if kind < 0.82:
            return 5, text(self.path_in(multi, 5)) + text(self.data()) + i32(self.version())
        if multi:
            return 13, text(self.path_in(multi, 13)) + i32(self.version())
        return 7, text(self.path_in(multi, 7)) + acl_list(self.acl()) + i32(self.version())

    def multi(self):
        body = b""
        for _ in range(self.rng.randrange(6)):
            op, sub = self.single(multi=True)
            body += i32(op) + b"\0" + i32(-1) + sub
        return body + i32(-1) + b"\1" + i32(-1)

    def write(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.2:
            return 14, self.multi()
        op, body = self.single(multi=False)
        if roll < 0.22:  # cut short: cannot be decoded
            body = body[: rng.randrange(3)]
        return op, body


def start(folder, port):
    config = os.path.join(folder, "zoo.cfg")
    with open(config, "w", encoding="ascii") as file:
        file.write(f"tickTime=2000\ndataDir={folder}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n"
                   f"maxSessionTimeout={SESSION_MS}\nadmin.enableServer=false\n4lw.commands.whitelist=ruok\n")
    os.makedirs(folder + "/data", exist_ok=True)
    log = open(folder + "/server.log", "ab")
    process = subprocess.Popen(["java", "-Xmx256m", "-cp", CLASSPATH, "-Dzookeeper.log.dir=" + folder,
                                "-Dznode.container.checkIntervalMs=3600000", "-Dzookeeper.extendedTypesEnabled=true",
                                "org.apache.zookeeper.server.quorum.QuorumPeerMain", config],
                               stdout=log, stderr=log, cwd=folder)
    for _ in range(900):
        if process.poll() is not None:
            break
        try:
            probe = Connection(port, 4000)
            cxid = probe.request(-11, b"")
            probe.receive()
            return process, [("session", probe.session, 4000), ("write", probe.session, cxid, -11, b"")]
        except (OSError, EOFError):
            time.sleep(0.1)
    process.kill()
    raise SystemExit("the server did not start, see " + folder + "/server.log")


def drive(port, rng, count, history):
    generator = Generator(rng)

    def connect(auth):
        connection = Connection(port)
        history.append(("session", connection.session, SESSION_MS))
        if auth:
            connection.authenticate(auth)
            history.append(("auth", connection.session, DIGEST_U))
        return connection

    connections = [connect(None), connect("u:p"), connect(None)]
    done = 0
    while done < count:
        index = rng.randrange(len(connections))
        connection = connections[index]
        burst = rng.choice([1, 1, 2, 5, 20])
        for sent in range(burst):  # pipelined: later ones are checked against what is outstanding
            op, body = generator.write()
            history.append(("write", connection.session, connection.request(op, body), op, body))
            if op == 7:  # Apache's server forgets to put the new ACL into its projection
                burst = sent + 1
                break
        closing = rng.random() < 0.03
        if closing:
            history.append(("write", connection.session, connection.request(-11, b""), -11, b""))
        for _ in range(burst + closing):
            connection.receive()
        if closing:
            connections[index] = connect(rng.choice([None, "u:p"]))
        done += burst


def main():
    out, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if not os.path.exists("/usr/share/java/zookeeper.jar") or subprocess.call(
            ["which", "java"], stdout=subprocess.DEVNULL) != 0:
        sys.exit(77)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rng = random.Random(seed)
    process, history = start(out, port)
    try:
        drive(port, rng, count, history)
    finally:
        process.terminate()
        process.wait(20)
    with open(out + "/requests", "w", encoding="ascii") as file:
        for kind, session, *rest in history:
            session = "%016x" % (session & 0xFFFFFFFFFFFFFFFF)
            if kind == "session":
                print("session", session, rest[0], file=file)
            elif kind == "auth":
                print("auth", session, rest[0], file=file)
            else:
                print("write", session, rest[0], rest[1], rest[2].hex() or "-", file=file)
    log = sorted(f for f in os.listdir(out + "/data/version-2") if f.startswith("log."))
    process, _ = start(out, port)  # a start writes a snapshot of all that came before
    process.kill()
    process.wait(20)
    os.rename(out + "/data/version-2/" + log[0], out + "/log")
    snapshots = [f for f in os.listdir(out + "/data/version-2") if f.startswith("snapshot.")]
    newest = max(snapshots, key=lambda name: int(name[9:], 16))
    os.rename(out + "/data/version-2/" + newest, out + "/" + newest)


if __name__ == "__main__":
    main()
