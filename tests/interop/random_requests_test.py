#!/usr/bin/python3
"""Random requests to our server and to Apache's: the same answers and the same events, in the same order.

Seeded, so a failure repeats: RANDOM_SEEDS=17 (or 1-500) chooses other seeds. Two sessions write, read and watch below one
node; in one test each request is answered before the next, in the other they come in bursts behind each other.
"""
import os
import random
import struct
import unittest

from raw_client import *  # noqa: F403
from servers import APACHE, OURS, Ensemble, effective

DIGEST_U = "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="  # u:p
ACLS = [OPEN_ACL] * 8 + [
    [(1, "world", "anyone")], [(31, "auth", "")], [(3, "world", "anyone"), (31, "auth", None)],
    [(17, "world", "anyone"), (31, "digest", DIGEST_U)], [(31, "digest", "bob:xx")], [], None, [(0, "world", "anyone")],
    [(31, "ip", "127.0.0.1")], [(31, "ip", "127.0.0.0/8"), (31, "ip", "127.0.0.0/8")], [(31, "ip", "10.1.1.1")],
    [(31, "ip", "127.1")], [(31, "ip", "127.0.0.1/")], [(255, "world", "anyone")], [(31, "digest", "a:b:")],
    [(31, "digest", "a:")], [(31, "World", "anyone")], [(31, "super", "")], [(4, "world", "anyone")],
    [(8, "world", "anyone"), (31, "digest", "q:r")], [(16, "world", "anyone"), (31, "digest", "bob:xx:yy")]]
DATA = [b"", None, b"x", b"yy", b"\0\xff" * 20]
VERSIONS = [-1] * 4 + [0] * 4 + [1, 1, 2, 3, -2, 2147483647, -2147483648]
NAMES = ["a", "b", "c", "e", "s0000000000", "s0000000001"]
ODD_TAILS = ["/", "//x", "/./x", "/..", "\x01", "\ufffd", "/\0", "/ ", "/..."]
STAT = struct.Struct(">qqqqiiiqiiq")


def seeds(count):
    first, _, last = os.environ.get("RANDOM_SEEDS", "1-%d" % count).partition("-")
    return range(int(first), int(last or first) + 1)


class Requests:
    """What to ask next. A setWatches is (SET_WATCHES, zxid, data, exist, child) with a zxid that is "now" or "old"."""

    def __init__(self, rng, top):
        self.rng = rng
        self.top = top

    def path(self):
        path = self.top + "".join("/" + self.rng.choice(NAMES) for _ in range(self.rng.choice([0, 1, 1, 1, 2, 2, 3])))
        if self.rng.random() < 0.04:
            path += self.rng.choice(ODD_TAILS)
        if self.rng.random() < 0.01:
            path = self.rng.choice(["x" + path, path[1:], "/" + path, "//", "/zookeeper", "/zookeeper/quota"])
        return path

    def paths(self):
        return [self.path() for _ in range(self.rng.randrange(3))]

    def create(self):
        flags = self.rng.choice([0, 0, 0, 0, 1, 1, 2, 2, 3])
        path = self.path() + (self.rng.choice(["/s", "s", "/", "-"]) if flags in (2, 3) else "")
        return create_body(path, self.rng.choice(DATA), self.rng.choice(ACLS), flags)

    def part(self):
        version = self.rng.choice(VERSIONS)
        return self.rng.choice([
            lambda: (CREATE, self.create()), lambda: (CREATE2, self.create()),
            lambda: (DELETE, version_body(self.path(), version)),
            lambda: (SET_DATA, set_data_body(self.path(), self.rng.choice(DATA), version)),
            lambda: (CHECK, version_body(self.path(), version))])()

    def set_watches(self):
        return (SET_WATCHES, self.rng.choice(["now", "old"]), self.paths(), self.paths(), self.paths())

    def any(self):
        rng, watch, version = self.rng, self.rng.random() < 0.6, self.rng.choice(VERSIONS)
        choices = [
            (25, lambda: (rng.choice([CREATE, CREATE, CREATE2]), self.create())),
            (8, lambda: (DELETE, version_body(self.path(), version))),
            (10, lambda: (SET_DATA, set_data_body(self.path(), rng.choice(DATA), version))),
            (7, lambda: (SET_ACL, set_acl_body(self.path(), rng.choice(ACLS), version))),
            (8, lambda: (EXISTS, watch_body(self.path(), watch))),
            (8, lambda: (GET_DATA, watch_body(self.path(), watch))),
            (6, lambda: (rng.choice([GET_CHILDREN, GET_CHILDREN2]), watch_body(self.path(), watch))),
            (4, lambda: (GET_ACL, string(self.path()))),
            (14, lambda: (MULTI, multi_body(*[self.part() for _ in range(rng.choice([0, 1, 2, 2, 3, 4, 5]))]))),
            (4, self.set_watches), (2, lambda: (SYNC, string(self.path()))), (2, lambda: (PING, b""))]
        return rng.choices([make for _, make in choices], [weight for weight, _ in choices])[0]()


class Side:
    """Two sessions of one server, and its answers without what must differ: zxids as steps, no times, no session ids."""

    def __init__(self, port, top):
        self.clients = [RawClient(port), RawClient(port)]
        for client in self.clients:
            client.connect(30000)
        self.base = self.now = self.old = self.clients[0].call(1, SYNC, string("/"))[1]
        self.clients[0].call(2, CREATE, create_body(top))
        self.clients[0].call(-4, AUTH, auth_body("digest", "u:p"))

    def end(self):
        for client in self.clients:
            client.__exit__()

    def frame(self, xid, request):
        op, body = request[0], request[1]
        if op == SET_WATCHES:
            body = set_watches_body(self.now if body == "now" else self.old, *request[2:])
        payload = struct.pack(">ii", xid, op) + body
        return struct.pack(">i", len(payload)) + payload

    def burst(self, client, requests):
        """All frames until the answer to a ping behind the requests."""
        frames = [self.frame(i + 1, request) for i, request in enumerate(requests)]
        client.socket.sendall(b"".join(frames) + self.frame(-2, (PING, b"")))
        told, pings = [], 1 + sum(request[0] == PING for request in requests)
        while pings:
            xid, zxid, error, body = client.read()
            pings -= xid == -2
            if xid > 0 and error == 0:
                body = self.neutral(requests[xid - 1][0], body)
            told.append((xid, zxid - self.base if zxid > 0 else zxid, error, body))
            self.now = max(self.now, zxid)
        return told

    def stat(self, raw):
        fields = list(STAT.unpack(raw))
        for i in (0, 1, 10):
            fields[i] -= self.base if fields[i] > 0 else 0
        for i in (2, 3):
            fields[i] = fields[i] > 0
        sessions = [client.session for client in self.clients]
        fields[7] = sessions.index(fields[7]) + 1 if fields[7] else 0
        return fields

    def neutral(self, op, body):
        if op in (EXISTS, SET_DATA, SET_ACL, GET_DATA, GET_ACL, CREATE2, GET_CHILDREN2):
            head = body[:-68]
            return self.names(head) if op == GET_CHILDREN2 else head, self.stat(body[-68:])
        if op == GET_CHILDREN:
            return self.names(body)
        return self.results(body) if op == MULTI else body

    @staticmethod
    def names(raw):
        names, at = [], 4
        while at < len(raw):
            size = struct.unpack(">i", raw[at:at + 4])[0]
            names.append(raw[at + 4:at + 4 + size])
            at += 4 + size
        return sorted(names)

    def results(self, body):
        told, at = [], 0
        while at < len(body):
            kind, done, error = struct.unpack(">i?i", body[at:at + 9])
            at += 9
            size = {CREATE: 4 + struct.unpack(">i", (body + b"\0" * 4)[at:at + 4])[0], SET_DATA: 68, -1: 4}.get(kind, 0)
            size = 0 if done else size
            part = body[at:at + size]
            told.append((kind, done, error, self.stat(part) if kind == SET_DATA else part))
            at += size
        return told


class RandomRequests(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        alone = effective(OURS) == APACHE
        cls.ensembles = [Ensemble([APACHE], standalone=True), Ensemble([OURS], standalone=alone),
                         Ensemble([OURS], standalone=True)]
        for ensemble in cls.ensembles:
            cls.addClassCleanup(ensemble.__exit__, None, None, None)
            ensemble.servers[0].start()
        for ensemble in cls.ensembles:
            ensemble.servers[0].wait_serving()

    def compare(self, seed, rounds, longest, refused):
        rng = random.Random(seed)
        top = "/%s-%d" % (self._testMethodName, seed)
        sides = [Side(ensemble[1].client_port, top) for ensemble in self.ensembles]
        source = Requests(rng, top)
        for _ in range(rounds):
            requests = [r for r in (source.any() for _ in range(rng.randint(1, longest))) if r[0] not in refused]
            who = rng.randrange(2)
            if rng.random() < 0.1:
                for side in sides:
                    side.old = side.now
            told = [[side.burst(side.clients[who], requests), side.burst(side.clients[1 - who], [])] for side in sides]
            # Of an unreadable node Debian's 3.8.0 tells that it exists; later servers and ours refuse.
            if any(frame[2] == -102 and frame[0] > 0 and requests[frame[0] - 1][0] == EXISTS for frame in told[1][0]):
                break
            self.assertEqual(told[1], told[0], "seed %d: %r" % (seed, requests))
            self.assertEqual(told[2], told[0], "alone, seed %d: %r" % (seed, requests))
        for side in sides:
            side.end()

    def test_one_after_the_other(self):
        for seed in seeds(25):
            self.compare(seed, 150, 1, ())

    def test_in_bursts(self):
        # Apache's server checks what comes behind a setACL, and is not applied yet, against the old list.
        for seed in seeds(25):
            self.compare(seed, 15, 24, (SET_ACL,))


if __name__ == "__main__":
    unittest.main(verbosity=2)
