#!/usr/bin/python3
"""Ten thousand sessions at one server of ours, and beside them those who mean no good: connections that say nothing, frames
that never end, lengths that nobody can mean, clients that ask for megabytes and take none. Others are served as ever, memory
stays within what docs and limits say, and when all have left nothing of them is there any more."""
import concurrent.futures
import os
import pathlib
import re
import resource
import socket
import struct
import unittest

from raw_client import (CLOSE_SESSION, CREATE, EXISTS, GET_CHILDREN, GET_DATA, MULTI, PING, SET_DATA, SYNC, Closed, RawClient,
                        create_body, multi_body, set_data_body, string, version_body, watch_body, CHECK)
from servers import OURS, Ensemble, wait_until

SESSIONS = 10_000
FROM_ONE_ADDRESS = 1000
SILENT, HALF_WORDS, HALF_HANDSHAKES, HALF_REQUESTS, GIANTS, SLOW_READERS = 500, 200, 200, 20, 200, 70
SLOW_REQUESTS, LARGE_BYTES = 64, 900_000
STAYS_MS, SHORTEST_MS = 600_000, 2000
EPHEMERAL = 1
AT_ONCE = 200  # whose answers are under way together
FILES = 15_000  # of the server; this program has as many
PATIENCE_S = 120
GOES_ON, ROUNDS = 8, 20  # clients that are served beside all others, and how often each asks

MIB = 1 << 20
# A session of the crowd: connection, session, ephemeral node and watch. Each costs less than half of this.
SESSION_BYTES = 8 << 10
# A request is copied some times on its way to log, tree and answer, and a buffer that grows may have twice the room.
COPIES, GROWTH = 4, 2


def limit(name):
    """Bytes, from the place where the server has it."""
    source = pathlib.Path(__file__).resolve().parents[2] / "server/base/limits.h"
    number, shift = re.search(name + r" = std::size_t\{(\d+)\} << (\d+);", source.read_text(encoding="utf-8")).groups()
    return int(number) << int(shift)


def memory_bound():
    """Beyond what the server has without clients."""
    crowd = (SESSIONS + SILENT + HALF_WORDS + HALF_HANDSHAKES + GIANTS + SLOW_READERS) * SESSION_BYTES
    requests = limit("kClientLoopBytesMax") + HALF_REQUESTS * 2 * limit("kSmallBytesMax")
    answers = limit("kClientOutputBytesMax") + SLOW_READERS * limit("kSmallBytesMax") + LARGE_BYTES
    return crowd + COPIES * requests + GROWTH * answers


def raise_files_to(wanted):
    """For this process and the server that it starts; beyond what is allowed now where root may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        hard = wanted
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def status(server, name):
    """Bytes, of /proc/PID/status."""
    with open("/proc/%d/status" % server.process.pid, encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


def told(server):
    """What the server says and the kernel knows of its clients; None while it does not answer."""
    values = dict(line.split("\t", 1) for line in (server.word("mntr") or "").splitlines())
    if not values:
        return None
    found = {name: int(values["zk_" + name])
             for name in ("num_alive_connections", "global_sessions", "ephemerals_count", "watch_count", "znode_count")}
    found["files"] = len(os.listdir("/proc/%d/fd" % server.process.pid))
    return found


def together(clients, ask, take):
    """Some ask before the first of them takes its answer."""
    for at in range(0, len(clients), AT_ONCE):
        some = list(enumerate(clients[at:at + AT_ONCE], at))
        for i, client in some:
            ask(i, client)
        for i, client in some:
            take(i, client)


def address_of(i):
    return "127.0.1.%d" % (1 + i // FROM_ONE_ADDRESS)


def open_sessions(port, count, timeout_ms, source=address_of):
    clients = []
    while len(clients) < count:
        some = []
        for i in range(len(clients), min(count, len(clients) + AT_ONCE)):
            some.append(RawClient(port, PATIENCE_S, source(i)))
            some[-1].ask_session(timeout_ms)
        for client in some:
            client.take_session()
            assert client.session != 0
        clients += some
    return clients


def end_sessions(port, clients):
    """Over new connections, since the old ones may be gone or full."""
    again = [RawClient(port, PATIENCE_S, "127.0.3.1") for _ in clients]
    together(again, lambda i, c: c.ask_session(STAYS_MS, clients[i].session, clients[i].password), lambda i, c: c.take_session())
    assert [client.session for client in again] == [client.session for client in clients]
    together(again, lambda i, c: c.send(0, CLOSE_SESSION), lambda i, c: c.read())
    for client in again + clients:
        client.close()


class Troublemakers:
    """Those who do not do what clients do. All come from one address."""

    def __init__(self, port):
        self.port = port
        self.silent = [self.connected() for _ in range(SILENT)]
        self.half_words = [self.connected(b"\0\0\0") for _ in range(HALF_WORDS)]
        self.half_handshakes = [self.connected(struct.pack(">iiq", 45, 0, 0)) for _ in range(HALF_HANDSHAKES)]
        self.slow_readers = self.sessions(SLOW_READERS)
        self.half_requests = self.sessions(HALF_REQUESTS)

    def begin(self):
        """What the last two do. While 64 MiB of answers are untaken the server answers no words (docs/DIFFERENCES.md)."""
        for client in self.slow_readers:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for xid in range(1, SLOW_REQUESTS + 1):
                client.send(xid, GET_DATA, watch_body("/large"))
        for client in self.half_requests:
            client.socket.sendall(struct.pack(">iii", LARGE_BYTES, 1, SET_DATA) + b"\0" * 20_000)

    def connected(self, first_bytes=b""):
        client = RawClient(self.port, PATIENCE_S, "127.0.2.1")
        if first_bytes:
            client.socket.sendall(first_bytes)
        return client

    def sessions(self, count):
        return open_sessions(self.port, count, STAYS_MS, lambda i: "127.0.2.1")

    def giants(self):
        """Lengths that no frame has: the server hangs up, on those in the place of a handshake and on those behind one.
        Whether it did, of each."""
        lengths = [0x7fffffff, -1, -2147483648, 0x100000]
        behind_one = self.sessions(GIANTS // 2)
        clients = behind_one + [self.connected() for _ in range(GIANTS - GIANTS // 2)]
        for i, client in enumerate(clients):
            client.socket.sendall(struct.pack(">i", lengths[i % len(lengths)]) + b"x" * 100)
        hung_up = [client.is_closed() for client in clients]
        for client in clients:
            client.close()
        end_sessions(self.port, behind_one)
        return hung_up

    def leave(self):
        for client in self.silent + self.half_words + self.half_handshakes + self.slow_readers + self.half_requests:
            client.close()
        end_sessions(self.port, self.slow_readers + self.half_requests)


class Crowd:
    """The ten thousand: each has an ephemeral node and waits for the data of one node."""

    def __init__(self, test, port):
        self.test = test
        self.clients = open_sessions(port, SESSIONS, STAYS_MS)

    @staticmethod
    def path(i):
        return "/crowd/%05d" % (i % SESSIONS)

    @staticmethod
    def data(i):
        return b"of %d" % (i % SESSIONS)

    def right(self, xid, client, body=None):
        answer = client.read()
        self.test.assertEqual((answer[0], answer[2]), (xid, 0))
        if body is not None:
            self.test.assertEqual(answer[3][:len(body)], body)

    def come(self):
        together(self.clients, lambda i, c: c.send(1, CREATE, create_body(self.path(i), self.data(i), flags=EPHEMERAL)),
                 lambda i, c: self.right(1, c, string(self.path(i))))
        together(self.clients, lambda i, c: c.send(2, GET_DATA, watch_body("/told", True)), lambda i, c: self.right(2, c))

    def read_each_other(self):
        other = 7919
        together(self.clients, lambda i, c: c.send(3, GET_DATA, watch_body(self.path(i + other))),
                 lambda i, c: self.right(3, c, string(self.data(i + other))))

    def hear(self):
        """The one event that all wait for, and nothing behind it."""
        event = struct.pack(">ii", 3, 3) + string("/told")
        together(self.clients, lambda i, c: c.send(-2, PING), lambda i, c: self.heard(c, event))

    def heard(self, client, event):
        frames = [client.read() for _ in range(2)]  # the answer to the ping may have been first
        self.test.assertEqual(sorted(frame[0] for frame in frames), [-2, -1])
        self.test.assertEqual([frame[3] for frame in frames if frame[0] == -1], [event])

    def leave(self):
        together(self.clients, lambda i, c: c.send(4, CLOSE_SESSION), lambda i, c: self.right(4, c))
        for client in self.clients:
            client.close()


class ManyConnections(unittest.TestCase):
    def client(self, port):
        client = RawClient(port, PATIENCE_S)
        self.addCleanup(client.close)
        client.connect(STAYS_MS)
        return client

    def done(self, client, xid, op, body):
        answer = client.call(xid, op, body)
        self.assertEqual((answer[0], answer[2]), (xid, 0))
        return answer[3]

    def serves(self, clients):
        """Each writes its node and reads those of the others: the values of the last write, in its order."""
        for i, client in enumerate(clients):
            self.done(client, 1, CREATE, create_body("/served/%d" % i, b"-1"))
        for round_ in range(ROUNDS):
            for i, client in enumerate(clients):
                path, value = "/served/%d" % i, b"%d of %d" % (round_, i)
                self.done(client, 2, SET_DATA, set_data_body(path, value, round_))
                reader = clients[(i + 1) % len(clients)]
                self.done(reader, 3, SYNC, string(path))
                self.assertTrue(self.done(reader, 4, GET_DATA, watch_body(path)).startswith(string(value)))
                self.assertEqual(client.call(5, SET_DATA, set_data_body(path, b"", round_))[2], -103)
        for i, client in enumerate(clients):
            made = "/served/%d/made" % i
            self.done(client, 6, MULTI, multi_body((CREATE, create_body(made)), (CHECK, version_body("/served/%d" % i, ROUNDS))))
            self.done(client, 7, EXISTS, watch_body(made))
        names = self.done(clients[0], 8, GET_CHILDREN, watch_body("/served"))
        self.assertEqual(struct.unpack(">i", names[:4])[0], len(clients))

    def large_ones_get_through(self, client):
        """Those who never end theirs have the room for requests first, and lose it."""
        for version in range(3):
            value = b"%d" % version + b"v" * LARGE_BYTES
            self.done(client, 1, SET_DATA, set_data_body("/written", value, version))
            self.assertTrue(self.done(client, 2, GET_DATA, watch_body("/written")).startswith(string(value)))

    def test_all_at_the_same_time(self):
        raise_files_to(FILES)
        settings = {"maxClientCnxns": SESSIONS, "maxSessionTimeout": STAYS_MS, "nio.sessionlessCnxnTimeout": STAYS_MS,
                    "snapCount": SESSIONS}
        with Ensemble([OURS], standalone=True, **settings) as ensemble:
            server = ensemble.start()[1]
            goes_on = [self.client(server.client_port) for _ in range(GOES_ON)]
            for xid, path in enumerate(("/crowd", "/told", "/served", "/written", "/large")):
                self.done(goes_on[0], xid, CREATE, create_body(path, b"x" * (LARGE_BYTES if path == "/large" else 0)))
            before = wait_until("it says what there is", lambda: told(server))
            empty = status(server, "VmRSS")
            bound = empty + memory_bound()

            crowd = Crowd(self, server.client_port)
            crowd.come()
            full = status(server, "VmRSS")
            trouble = Troublemakers(server.client_port)
            here = wait_until("it says what there is", lambda: told(server))
            self.assertGreaterEqual(here["num_alive_connections"], before["num_alive_connections"] + SESSIONS + SILENT)
            self.assertEqual(here["ephemerals_count"], SESSIONS)
            self.assertEqual(here["watch_count"], SESSIONS)
            trouble.begin()
            of_large = self.client(server.client_port)
            with concurrent.futures.ThreadPoolExecutor(1) as beside:
                large = beside.submit(self.large_ones_get_through, of_large)
                self.assertEqual(trouble.giants(), [True] * GIANTS)
                self.serves(goes_on)
                crowd.read_each_other()
                self.done(goes_on[0], 1, SET_DATA, set_data_body("/told", b"now"))
                crowd.hear()
                large.result()
            print("MiB: %d without clients, %d with %d sessions, %d at most, %d allowed" % (
                empty / MIB, full / MIB, SESSIONS, status(server, "VmHWM") / MIB, bound / MIB), flush=True)
            self.assertLess(status(server, "VmHWM"), bound)

            crowd.leave()
            trouble.leave()
            end_sessions(server.client_port, [of_large])
            self.vanish(server)
            after = dict(before, znode_count=before["znode_count"] + 2 * GOES_ON)
            wait_until("they are gone without a trace: %s" % after, lambda: told(server) == after, PATIENCE_S)
            self.assertLess(status(server, "VmHWM"), bound)

    def vanish(self, server):
        """Sessions of which nothing is heard any more."""
        gone = open_sessions(server.client_port, FROM_ONE_ADDRESS, SHORTEST_MS)
        together(gone, lambda i, c: c.send(1, CREATE, create_body("/crowd/gone-%d" % i, flags=EPHEMERAL)),
                 lambda i, c: self.created_or_expired(c))
        for client in gone:
            client.close()

    def created_or_expired(self, client):
        """On a busy machine the shortest timeout may be over."""
        try:
            self.assertEqual(client.read()[2], 0)
        except Closed:
            pass


if __name__ == "__main__":
    unittest.main()
