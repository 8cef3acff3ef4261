"""Four-letter words, word by word, of Apache's server and of ours: the same lines and keys, and the same values where they
cannot differ. Sessions, ephemeral nodes and watches are real ones."""
import re
import struct
import unittest

from raw_client import (ADD_WATCH, CHECK, CHECK_WATCHES, CREATE, CREATE2, CREATE_CONTAINER, DELETE, EXISTS, GET_ACL,
                        GET_ALL_CHILDREN_NUMBER, GET_CHILDREN, GET_CHILDREN2, GET_DATA, GET_EPHEMERALS, MULTI, MULTI_READ,
                        PING, REMOVE_WATCHES, SET_ACL, SET_DATA, SET_WATCHES, SET_WATCHES2, SYNC, WHO_AM_I, OPEN_ACL,
                        RawClient, create_body, multi_body, set_acl_body, set_data_body, set_watches2_body,
                        set_watches_body, string, version_body, watch_body)
from servers import APACHE, OURS, Ensemble, wait_until

NOT_SERVING = "This ZooKeeper instance is not currently serving requests\n"


def ask_both(servers, word):
    return [server.word(word) for server in servers]


def neutral(text, clients):
    """Without what must differ: sessions become S0, S1, ..., dates and ports of connections one word."""
    for i, client in enumerate(clients):
        text = text.replace("0x%x" % client.session, "S%d" % i)
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    return re.sub(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}", "DATE", text)


def cons_of(server, client):
    """What `cons` says of the client's connection: (keys in order, {key: value})."""
    for line in server.word("cons").splitlines():
        if "sid=0x%x," % client.session in line:
            fields = [field.split("=") for field in line[line.index("(") + 1:-1].split(",")]
            return [key for key, _ in fields], dict(fields)
    raise AssertionError("no such session")


def sets_of(text):
    """Sections of wchc and wchp: {head: [lines below it]}."""
    sections, below = {}, None
    assert text.endswith("\n\n"), text
    for line in text[:-1].splitlines():
        if line.startswith("\t"):
            below.add(line)
        else:
            below = sections.setdefault(line, set())
    return sections


class WordsOfAServerAlone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ensembles = [Ensemble([flavor], standalone=True) for flavor in (APACHE, OURS)]
        for ensemble in cls.ensembles:
            cls.addClassCleanup(ensemble.__exit__, None, None, None)
            ensemble.start()
        cls.servers = [ensemble[1] for ensemble in cls.ensembles]

    def clients(self, timeout_ms=15000):
        pair = []
        for server in self.servers:
            client = RawClient(server.client_port)
            self.addCleanup(client.__exit__)
            client.connect(timeout_ms)
            pair.append(client)
        return pair

    def call_both(self, clients, xid, op, body=b""):
        return [client.call(xid, op, body) for client in clients]

    def expect_equal_cons(self, clients):
        """Apache's server answers a request before it counts it."""
        def equal():
            (keys, told), (own_keys, own) = self.last = [cons_of(*pair) for pair in zip(self.servers, clients)]
            return keys == own_keys and all(own[key] == told[key] for key in (
                "queued", "recved", "sent", "lop", "to", "lcxid", "lzxid"))
        try:
            wait_until("cons is equal", equal)
        except AssertionError:
            self.assertEqual(self.last[1], self.last[0])

    def test_cons_names_every_operation(self):
        clients = self.clients()
        requests = [
            ("create", CREATE, create_body("/cons")), ("exists", EXISTS, watch_body("/cons")),
            ("failed create", CREATE, create_body("/cons")),
            ("create2", CREATE2, create_body("/cons/2")), ("container", CREATE_CONTAINER, create_body("/cons/c", flags=4)),
            ("getData", GET_DATA, watch_body("/cons")), ("failed getData", GET_DATA, watch_body("/none")),
            ("setData", SET_DATA, set_data_body("/cons", b"y")), ("getACL", GET_ACL, string("/cons")),
            ("setACL", SET_ACL, set_acl_body("/cons", OPEN_ACL)), ("getChildren", GET_CHILDREN, watch_body("/cons")),
            ("getChildren2", GET_CHILDREN2, watch_body("/cons")), ("sync", SYNC, string("/cons")),
            ("multi", MULTI, multi_body((CHECK, version_body("/cons")))),
            ("multiRead", MULTI_READ, multi_body((GET_DATA, watch_body("/cons")))),
            ("getEphemerals", GET_EPHEMERALS, string("/")),
            ("getAllChildrenNumber", GET_ALL_CHILDREN_NUMBER, string("/")), ("whoAmI", WHO_AM_I, b""),
            ("addWatch", ADD_WATCH, string("/cons") + struct.pack(">i", 0)),
            ("checkWatches", CHECK_WATCHES, string("/cons") + struct.pack(">i", 3)),
            ("removeWatches", REMOVE_WATCHES, string("/cons") + struct.pack(">i", 3)),
            ("setWatches", SET_WATCHES, set_watches_body(1 << 40)),
            ("setWatches2", SET_WATCHES2, set_watches2_body(1 << 40)),
            ("delete", DELETE, version_body("/cons/2"))]
        for xid, (name, op, body) in enumerate(requests, 1):
            with self.subTest(operation=name):
                self.call_both(clients, xid, op, body)
                self.expect_equal_cons(clients)
        self.call_both(clients, -2, PING)
        self.expect_equal_cons(clients)

    def test_resets(self):
        clients = self.clients()
        self.call_both(clients, 1, GET_DATA, watch_body("/zookeeper"))
        self.expect_equal_cons(clients)
        self.assertEqual(*ask_both(self.servers, "crst"))
        lines = [cons_of(*pair) for pair in zip(self.servers, clients)]
        for _, told in lines:
            del told["sid"], told["est"]
        self.assertEqual(lines[1], lines[0])
        self.assertEqual(*ask_both(self.servers, "srst"))
        for server in self.servers:
            self.assertIn("Latency min/avg/max: 0/0.0/0\nReceived: 1\n", server.word("srvr"))

    def test_dump(self):
        clients = self.clients()
        for client in clients:
            client.call(1, CREATE, create_body("/dump-b", flags=1))
            client.call(2, CREATE, create_body("/dump-a", flags=1))
        answers = [neutral(server.word("dump"), [client]) for server, client in zip(self.servers, clients)]
        parts = [re.split(r"(?m)^(?=ephemeral nodes dump:|Connections dump:)", answer) for answer in answers]
        for sessions, ephemerals, connections in parts:
            head, *rest = sessions.splitlines()
            self.assertEqual(head, "SessionTracker dump:")
            self.assertRegex(rest[0], r"^Session Sets \(\d+\)/\(\d+\):$")
            self.assertRegex("\n".join(rest[1:]) + "\n", r"^(\d+ expire at DATE:\n(\t(S0|0x[0-9a-f]+)\n)*)+$")
            self.assertIn("\tS0\n", sessions)
            self.assertRegex(connections, r"^Connections dump:\nConnections Sets \(\d+\)/\(\d+\):\n"
                                          r"(\d+ expire at DATE:\n(\tip: /ADDRESS sessionId: (S0|0x[0-9a-f]+)\n)*)+$")
            self.assertIn("\tip: /ADDRESS sessionId: S0\n", connections)
            self.assertIn("\tip: /ADDRESS sessionId: 0x0\n", connections)
        self.assertEqual(sorted(parts[1][1].splitlines()), sorted(parts[0][1].splitlines()))

    def test_watches(self):
        first, second = self.clients(), self.clients()
        self.assertEqual(*ask_both(self.servers, "wchs"))
        for client in first + second:
            client.call(1, EXISTS, watch_body("/watch-1", True))
        for client in first:
            client.call(2, GET_DATA, watch_body("/zookeeper", True))
            client.call(3, GET_CHILDREN, watch_body("/", True))
            client.call(4, ADD_WATCH, string("/watch-p") + struct.pack(">i", 0))
            client.call(5, ADD_WATCH, string("/watch-r") + struct.pack(">i", 1))
        apache, ours = ask_both(self.servers, "wchs")
        self.assertEqual(ours, apache)
        self.assertEqual(ours, "2 connections watching 4 paths\nTotal watches:5\n")
        for word in ("wchc", "wchp"):
            answers = [sets_of(neutral(server.word(word), pair))
                       for server, pair in zip(self.servers, zip(first, second))]
            self.assertEqual(answers[1], answers[0], word)

    def test_trace_mask(self):
        self.assertEqual(*ask_both(self.servers, "gtmk"))
        for mask in (b"\0\0\0\0\0\0\x01\x33", b"\xff" * 8, b"\0\0\0\0\0\0\x01\x32"):
            told = []
            for server in self.servers:
                with RawClient(server.client_port) as raw:
                    raw.socket.sendall(b"stmk" + mask)
                    answer = b""
                    while chunk := raw.socket.recv(100):
                        answer += chunk
                    told.append(answer)
            self.assertEqual(told[1], told[0])
            self.assertEqual(*ask_both(self.servers, "gtmk"))

    def test_environment_and_directories(self):
        apache, ours = [answer.splitlines() for answer in ask_both(self.servers, "envi")]
        self.assertEqual([line.split("=")[0] for line in ours], [line.split("=")[0] for line in apache])
        values = [dict(line.split("=", 1) for line in lines[1:]) for lines in (apache, ours)]
        for key in ("os.name", "os.arch", "os.version", "user.name", "user.home"):
            self.assertEqual(values[1][key], values[0][key], key)
        for key in ("os.memory.free", "os.memory.max", "os.memory.total"):
            self.assertRegex(values[1][key], r"^\d+MB$")
        for answer in ask_both(self.servers, "dirs"):
            self.assertRegex(answer, r"^datadir_size: \d+\nlogdir_size: \d+\n$")

    def test_names_that_are_no_words(self):
        for word in ("orst", "lsnp", "icfg", "sysp", "obsr", "lead", "kill", "RUOK"):
            self.assertEqual(ask_both(self.servers, word), ["", ""], word)
        for server in self.servers:  # what telnet sends when it is interrupted
            with RawClient(server.client_port) as raw:
                raw.socket.sendall(b"\xff\xf4\xff\xfd")
                self.assertTrue(raw.is_closed())
        for word in ("ruok\n", "ruokmntr"):
            self.assertEqual(*ask_both(self.servers, word))


class WordsOfAnEnsemble(unittest.TestCase):
    """Apache's servers and ours in one ensemble: what is replicated they must tell alike."""

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble([APACHE, OURS, OURS])
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.ensemble.start()
        cls.ensemble.wait_leader()

    def test_digests_are_equal(self):
        apache, ours, third = self.ensemble.servers
        with RawClient(ours.client_port) as client:
            client.connect()
            for i in range(300):
                client.call(i + 1, CREATE, create_body("/hash-%d" % i, b"x" * i))
            for server in self.ensemble.servers:
                with RawClient(server.client_port) as other:
                    other.connect()
                    other.call(1, SYNC, string("/"))
        answers = [server.word("hash") for server in (apache, ours, third)]
        self.assertRegex(answers[1], r"^([0-9a-f]+: -?\d+\n){2,}$")
        self.assertEqual(answers[1], answers[0])
        self.assertEqual(answers[2], answers[0])
        # What a server reads again from its log, it tells again.
        third.stop()
        third.start()
        for server in self.ensemble.servers:  # it may have led
            server.wait_serving()
        self.assertEqual(third.word("hash"), answers[0])

    def test_followers_name_sessions_and_a_leader_when_they_end(self):
        clients = []
        for server in self.ensemble.servers:
            client = RawClient(server.client_port)
            self.addCleanup(client.__exit__)
            client.connect(12345)
            client.call(1, CREATE, create_body("/dump-%d" % server.sid, flags=1))
            clients.append(client)
        known = ["0x%x\t12345ms" % client.session for client in clients]

        def all_know():
            answers = [server.word("dump") for server in self.ensemble.servers if server.mode() != "leader"]
            return all(line in answer for line in known for answer in answers) and answers
        for answer in wait_until("every follower knows every session", all_know):
            lines = answer.splitlines()
            self.assertEqual(lines[0], "SessionTracker dump:")
            self.assertEqual(lines[1], "Global Sessions(%d):" % (lines.index("ephemeral nodes dump:") - 2))
            sessions = lines[2:lines.index("ephemeral nodes dump:")]
            self.assertEqual(sessions, sorted(sessions, key=lambda line: int(line.split("\t")[0], 16)))
        leader = self.ensemble.wait_leader()
        self.assertIn("SessionTracker dump:\nSession Sets (", leader.word("dump"))
        for client in clients:
            self.assertIn("\t0x%x\n" % client.session, leader.word("dump"))

    def test_a_leader_tells_the_sizes_of_its_proposals(self):
        leader = self.ensemble.wait_leader()
        with RawClient(leader.client_port) as client:
            client.connect()
            client.call(1, CREATE, create_body("/sizes"))
        self.assertRegex(leader.word("srvr"), r"\nProposal sizes last/min/max: \d+/\d+/\d+\n$")
        self.assertEqual(leader.word("srst"), "Server stats reset.\n")
        self.assertRegex(leader.word("srvr"), r"\nProposal sizes last/min/max: -1/-1/-1\n$")
        for follower in self.ensemble.followers():
            self.assertNotIn("Proposal sizes", follower.word("srvr"))


class WordsWithoutAQuorum(unittest.TestCase):
    def test_who_answers_at_all(self):
        with Ensemble([APACHE, OURS]) as ensemble:
            for server in ensemble.servers:
                server.start()
                wait_until("it answers", lambda: server.word("ruok"))
                told = {word: server.word(word) for word in
                        "conf cons crst dirs dump gtmk hash isro mntr ruok srst srvr stat wchc wchp wchs".split()}
                server.stop()
                if server is ensemble[1]:
                    expected = told
                else:
                    self.assertEqual(told, expected)
            self.assertEqual(expected["cons"], NOT_SERVING)
            self.assertEqual(expected["hash"], NOT_SERVING[:-1])
            self.assertEqual(expected["gtmk"], "306")


if __name__ == "__main__":
    unittest.main()
