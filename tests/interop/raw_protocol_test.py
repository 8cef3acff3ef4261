#!/usr/bin/python3
"""Our server beside Apache's: the same bytes in, the same bytes out.

All get the same requests, one after the other: Apache's alone, ours as an ensemble of one and alone. Answers are compared after times,
zxids of the epoch, session ids and passwords have been taken out.
"""
import struct
import unittest

from raw_client import *  # noqa: F403
from servers import APACHE, OURS, Ensemble, effective

WATCHED = True


class Servers(unittest.TestCase):
    """Apache's alone, ours as an ensemble of one, and ours alone."""
    maxDiff = None
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.ensembles = []
        # Apache's server alone: as the only member of an ensemble, a multi that cannot be decoded breaks it for good.
        ours_alone = effective(OURS) == APACHE
        for flavor, alone in ((APACHE, True), (OURS, ours_alone), (OURS, True)):
            ensemble = Ensemble([flavor], standalone=alone, **cls.settings)
            cls.addClassCleanup(ensemble.__exit__, None, None, None)
            cls.ensembles.append(ensemble)
            ensemble.servers[0].start()
        for ensemble in cls.ensembles:
            ensemble.servers[0].wait_serving()

    def both(self, story):
        """Runs story(client, port) against all servers and compares what it returns."""
        told = []
        for ensemble in self.ensembles:
            port = ensemble[1].client_port
            with RawClient(port) as client:
                client.connect()
                told.append(story(client, port))
        self.assertEqual(told[1], told[0])
        self.assertEqual(told[2], told[0], "alone")
        return told[0]

    def compare(self, *requests, with_zxid=True):
        """Sends (op, body) one after the other; compares error and body of each answer, and the zxids' steps."""
        def story(client, port):
            lines, base = [], client.call(1000, SYNC, string("/"))[1]
            for i, (op, body) in enumerate(requests):
                try:
                    xid, zxid, error, answer = client.call(i, op, body)
                    while xid == -1:
                        lines.append(("event", answer))
                        xid, zxid, error, answer = client.read()
                    lines.append((i, op, xid, (zxid - base if with_zxid else True) if zxid > 0 else zxid, error,
                                  self.neutral(op, answer, base, client.session)))
                except Closed:
                    lines.append((i, op, "closed"))
                    break
            return lines
        return self.both(story)

    def neutral(self, op, body, base, session):
        """The body without what must differ: zxids become steps since `base`, times and own session disappear."""
        stat_at = {EXISTS: 0, SET_DATA: 0, SET_ACL: 0}.get(op)
        if op in (GET_DATA, GET_ACL, GET_CHILDREN2, CREATE2, CREATE_CONTAINER, CREATE_TTL) and len(body) >= 68:
            stat_at = len(body) - 68
        if stat_at is None or len(body) < stat_at + 68:
            return body
        fields = list(struct.unpack(">qqqqiiiqiiq", body[stat_at:stat_at + 68]))
        for i in (0, 1, 10):
            fields[i] = fields[i] - base if fields[i] > 0 else fields[i]
        fields[2] = fields[3] = "time" if fields[2] else 0
        if fields[7] == session:
            fields[7] = "own"
        head = body[:stat_at]
        if op == GET_CHILDREN2:
            head = b"|".join(sorted(self.names(head)))
        return head, fields

    @staticmethod
    def names(raw):
        count, at, names = struct.unpack(">i", raw[:4])[0], 4, []
        for _ in range(count):
            size = struct.unpack(">i", raw[at:at + 4])[0]
            names.append(raw[at + 4:at + 4 + size])
            at += 4 + size
        return names


class Differential(Servers):
    def test_nodes(self):
        self.compare(
            (CREATE, create_body("/n", b"x")), (CREATE, create_body("/n", b"x")),
            (EXISTS, watch_body("/n")), (EXISTS, watch_body("/missing")),
            (GET_DATA, watch_body("/n")), (GET_DATA, watch_body("/missing")),
            (SET_DATA, set_data_body("/n", b"yy", 0)), (SET_DATA, set_data_body("/n", b"z", 0)),
            (SET_DATA, set_data_body("/missing")), (SET_DATA, set_data_body("/n", None)),
            (GET_DATA, watch_body("/n")), (SET_DATA, set_data_body("/n", b"")), (GET_DATA, watch_body("/n")),
            (CREATE2, create_body("/n/c", b"x")), (GET_CHILDREN, watch_body("/n")),
            (CREATE, create_body("/n/d", None)), (GET_CHILDREN2, watch_body("/n")),
            (DELETE, version_body("/n")), (DELETE, version_body("/n/c", 3)), (DELETE, version_body("/n/c", 0)),
            (DELETE, version_body("/n/missing")), (DELETE, version_body("/missing/x")),
            (EXISTS, watch_body("/n")), (DELETE, version_body("/n/d")), (DELETE, version_body("/n", 3)),
            (EXISTS, watch_body("/n")), (PING, b""), (SYNC, string("/n")), (SYNC, string(None)))

    def test_paths(self):
        paths = ["", "/", "a", "a/b", "/a/", "//", "/.", "/..", "/a//b", "/x/./y", "/\x01", "/é", "/\U0001f600",
                 "/\ue000", "/\ufffd", "/...", "/a b", b"/\xff\xfe", "/zookeeper", "/zookeeper/config"]
        requests = []
        for path in paths:
            requests += [(CREATE, create_body(path)), (DELETE, version_body(path)), (SET_DATA, set_data_body(path)),
                         (EXISTS, watch_body(path)), (GET_DATA, watch_body(path)),
                         (SET_ACL, set_acl_body(path, OPEN_ACL)), (GET_ACL, string(path)),
                         (CREATE, create_body(path, flags=2))]
        requests.append((EXISTS, watch_body("/nul\0in")))
        requests.append((CREATE, create_body("/nul\0in")))
        # The root's children and its counters depend on what other tests left: compare errors only.
        def story(client, port):
            return [(i, client.call(i, op, body)[2]) for i, (op, body) in enumerate(requests)]
        self.both(story)

    def test_create_flags_and_sequences(self):
        self.compare(
            (CREATE, create_body("/s")),
            (CREATE, create_body("/s/a-", flags=2)), (CREATE, create_body("/s/a-", flags=3)),
            (CREATE, create_body("/s/e", flags=1)), (EXISTS, watch_body("/s/e")), (CREATE, create_body("/s/e/x")),
            (CREATE, create_body("/s/", flags=2)), (CREATE, create_body("/s/", flags=0)),
            (CREATE, create_body("/s/f", flags=7)), (CREATE, create_body("/s/f", flags=-1)),
            (CREATE, create_body("/s/t", flags=5)), (CREATE, create_body("/s/t", flags=6)),
            (CREATE2, create_body("/s/b-", flags=2)), (GET_CHILDREN2, watch_body("/s")))

    def test_acls(self):
        digest = [(31, "digest", "bob:xxxx")]
        self.compare(
            (CREATE, create_body("/acl", acl=[])), (CREATE, create_body("/acl", acl=None)),
            (CREATE, create_body("/acl", acl=[(31, "world", "somebody")])),
            (CREATE, create_body("/acl", acl=[(31, "nonsense", "x")])),
            (CREATE, create_body("/acl", acl=[(31, "super", "")])),
            (CREATE, create_body("/acl", acl=[(31, "auth", "")])),
            (CREATE, create_body("/acl", acl=[(31, "digest", "a")])),
            (CREATE, create_body("/acl", acl=[(31, "digest", "a:b:c")])),
            (CREATE, create_body("/acl", acl=[(31, "ip", "300.1.1.1")])),
            (CREATE, create_body("/acl", acl=[(31, "ip", "10.0.0.0/33")])),
            (CREATE, create_body("/acl", acl=[(31, "ip", "127.0.0.0/8"), (31, "ip", "127.0.0.0/8")])),
            (GET_ACL, string("/acl")),
            (SET_ACL, set_acl_body("/acl", [(25, "world", "anyone")] + digest, 0)),
            (SET_ACL, set_acl_body("/acl", OPEN_ACL, 0)), (SET_ACL, set_acl_body("/missing", [])),
            (SET_ACL, set_acl_body("/missing", OPEN_ACL)), (GET_ACL, string("/acl")),
            (SET_ACL, set_acl_body("/acl", [(1, "world", "anyone")] + digest)), (GET_ACL, string("/acl")),
            (SET_DATA, set_data_body("/acl")), (CREATE, create_body("/acl/x")), (DELETE, version_body("/acl/x")),
            (SET_ACL, set_acl_body("/acl", OPEN_ACL)),
            (CREATE, create_body("/acl2", acl=digest)), (GET_DATA, watch_body("/acl2", WATCHED)),
            (GET_ACL, string("/acl2")), (GET_CHILDREN, watch_body("/acl2")), (GET_CHILDREN2, watch_body("/acl2")),
            (AUTH, auth_body("digest", "u:p")), (AUTH, auth_body("ip", "")),
            (CREATE, create_body("/acl3", acl=[(31, "auth", None)])), (GET_ACL, string("/acl3")),
            (AUTH, auth_body("digest", "")), (AUTH, auth_body("digest", "nocolon")))

    def test_failed_auth(self):
        for scheme, credential in [("world", "anyone"), ("auth", ""), ("nonsense", "x"), (None, "x"), ("digest", None)]:
            with self.subTest(scheme):
                self.compare((AUTH, auth_body(scheme, credential)), (PING, b""))

    def test_multi(self):
        def raw(client, port):
            """Everything but zxids and times."""
            answers = []
            for i, body in enumerate([
                    multi_body(),
                    multi_body((CREATE, create_body("/m")), (CREATE, create_body("/m/s", flags=2)),
                               (DELETE, version_body("/m/s0000000000")), (CHECK, version_body("/m", 0))),
                    multi_body((CHECK, version_body("/m", 1)), (DELETE, version_body("/m")),
                               (CREATE, create_body("/other"))),
                    multi_body((CREATE, create_body("/m/x")), (DELETE, version_body("/m")),
                               (DELETE, version_body("/missing"))),
                    multi_body((CREATE, create_body("/m")), (CREATE, create_body("/m2"))),
                    multi_body((GET_DATA, watch_body("/m"))), multi_body((SET_ACL, set_acl_body("/m", OPEN_ACL))),
                    multi_body((CREATE, create_body("/m/bad", acl=[]))), multi_body((CHECK, version_body("/missing"))),
                    multi_body((CREATE, create_body(None))), b"", b"\0\0\0\1",
                    multi_body((CHECK, version_body("/m", -1)), (DELETE, version_body("/m")))]):
                xid, zxid, error, answer = client.call(i, MULTI, body)
                answers.append((xid, error, answer if error == 0 else b""))
            return answers
        self.both(raw)

    def test_multi_set_data(self):
        def story(client, port):
            client.call(1, CREATE, create_body("/ms"))
            xid, zxid, error, body = client.call(2, MULTI, multi_body(
                (SET_DATA, set_data_body("/ms", b"1", 0)), (SET_DATA, set_data_body("/ms", b"22", 1))))
            stats = [struct.unpack(">qqqqiiiqiiq", body[at:at + 68]) for at in (9, 9 + 68 + 9)]
            return error, len(body), [(s[4:7], s[8:10], s[1] == zxid) for s in stats]
        self.both(story)

    def test_watches(self):
        self.compare(
            (EXISTS, watch_body("/w", WATCHED)), (CREATE, create_body("/w")),
            (GET_DATA, watch_body("/w", WATCHED)), (GET_CHILDREN, watch_body("/w", WATCHED)),
            (EXISTS, watch_body("/w", WATCHED)), (SET_DATA, set_data_body("/w")), (SET_DATA, set_data_body("/w")),
            (CREATE, create_body("/w/c")), (GET_DATA, watch_body("/w/c", WATCHED)),
            (GET_CHILDREN2, watch_body("/w/c", WATCHED)), (GET_CHILDREN, watch_body("/w", WATCHED)),
            (DELETE, version_body("/w/c")), (GET_DATA, watch_body("/w", WATCHED)),
            (MULTI, multi_body((CREATE, create_body("/w/d")), (SET_DATA, set_data_body("/w", b"q")),
                               (CHECK, version_body("/missing")))),
            (SET_ACL, set_acl_body("/w", OPEN_ACL)), (DELETE, version_body("/w")))

    def test_watch_of_an_unreadable_node(self):
        closed = [(31, "digest", "bob:xxxx")]
        self.compare((EXISTS, watch_body("/hidden", WATCHED)), (CREATE, create_body("/hidden", acl=closed)),
                     (DELETE, version_body("/hidden")), (CREATE, create_body("/hidden")),
                     (DELETE, version_body("/hidden")))

    def test_set_watches(self):
        self.compare(
            (CREATE, create_body("/sw")), (CREATE, create_body("/sw/c")),
            (SET_WATCHES, set_watches_body(1 << 60, ["/sw", "/gone"], ["/sw", "/none"], ["/sw", "/gone"])),
            (SET_DATA, set_data_body("/sw")), (CREATE, create_body("/none")), (CREATE, create_body("/sw/d")),
            (SET_WATCHES, set_watches_body(0, ["/sw"], [], ["/sw"])), (SET_DATA, set_data_body("/sw")),
            (SET_WATCHES, set_watches_body(0)), (DELETE, version_body("/none")))

    def test_newer_reads(self):
        self.compare(
            (CREATE, create_body("/nr")), (CREATE, create_body("/nr/a", flags=1)), (CREATE, create_body("/nr/b", flags=1)),
            (CREATE, create_body("/nr/c")), (CREATE, create_body("/nr/c/d")),
            (CREATE, create_body("/nr/closed", acl=[(2, "world", "anyone")])),
            (GET_ALL_CHILDREN_NUMBER, string("/nr")), (GET_ALL_CHILDREN_NUMBER, string("/nr/c")),
            (GET_ALL_CHILDREN_NUMBER, string("/nr/a")), (GET_ALL_CHILDREN_NUMBER, string("/nr/")),
            (GET_ALL_CHILDREN_NUMBER, string("/missing")), (GET_ALL_CHILDREN_NUMBER, string("/nr/closed")),
            (GET_ALL_CHILDREN_NUMBER, string("/zookeeper")),
            (GET_EPHEMERALS, string("/nr/a")), (GET_EPHEMERALS, string("/nr/b")), (GET_EPHEMERALS, string("/missing")),
            (GET_EPHEMERALS, string(" /nr/a")), (GET_EPHEMERALS, b""), (GET_ALL_CHILDREN_NUMBER, b""),
            (GET_ALL_CHILDREN_NUMBER, string(None)),
            (MULTI_READ, multi_body()), (MULTI_READ, multi_body((GET_CHILDREN, watch_body("/nr/c", WATCHED)),
                                                                (GET_DATA, watch_body("/missing")),
                                                                (GET_CHILDREN, watch_body("/nr/closed")))),
            (CREATE, create_body("/nr/c/e")), (WHO_AM_I, b""))

    def test_parts_that_a_multi_read_may_not_have(self):
        # Apache's server sends an empty list behind some of these errors, which no client reads.
        def story(client, port):
            client.call(0, CREATE, create_body("/mr"))
            return [client.call(i, MULTI_READ, body)[2] for i, body in enumerate([
                b"", b"\0\0\0\1", multi_body((EXISTS, watch_body("/mr"))), multi_body((GET_CHILDREN2, watch_body("/mr"))),
                multi_body((DELETE, version_body("/mr"))), multi_body((GET_DATA, watch_body("/mr")), (CHECK, version_body("/mr"))),
                multi_body((GET_DATA, watch_body(None)))])] + [client.call(9, EXISTS, watch_body("/mr"))[2]]
        self.both(story)

    def test_watches_that_stay(self):
        def add(path, mode):
            return (ADD_WATCH, string(path) + struct.pack(">i", mode))
        self.compare(
            add("/ws", 0), add("/wr", 1), add("bad//path", 0), add("/ws", 2), add("/ws", -1), (ADD_WATCH, b""),
            (CREATE, create_body("/ws")), (CREATE, create_body("/ws/c")), (CREATE, create_body("/ws/c/d")),
            (SET_DATA, set_data_body("/ws")), (SET_DATA, set_data_body("/ws/c")), (SET_DATA, set_data_body("/ws")),
            (SET_ACL, set_acl_body("/ws", OPEN_ACL)), (DELETE, version_body("/ws/c/d")), (DELETE, version_body("/ws/c")),
            (CREATE, create_body("/wr")), (CREATE, create_body("/wr/c")), (CREATE, create_body("/wr/c/d")),
            (CREATE, create_body("/wrong")), (SET_DATA, set_data_body("/wr/c/d")), (DELETE, version_body("/wr/c/d")),
            (MULTI, multi_body((CREATE, create_body("/wr/m")), (DELETE, version_body("/wr/m")),
                               (DELETE, version_body("/ws")))),
            (CREATE, create_body("/wr/hidden", acl=[(31, "digest", "bob:xxxx")])), (DELETE, version_body("/wr/hidden")),
            (DELETE, version_body("/wr/c")), (DELETE, version_body("/wr")), (CREATE, create_body("/ws")))

    def test_set_watches_of_the_second_form(self):
        self.compare(
            (CREATE, create_body("/s2")), (CREATE, create_body("/s2/c")),
            (SET_WATCHES2, set_watches2_body(1 << 60, ["/s2", "/gone"], ["/s2"], ["/s2/c"], ["/s2p", "/gone"], ["/s2r"])),
            (SET_WATCHES2, set_watches2_body(0, ["/s2"], [], ["/s2"], ["/s2"], [])),
            (CREATE, create_body("/s2p")), (CREATE, create_body("/s2p/c")), (CREATE, create_body("/s2r")),
            (CREATE, create_body("/s2r/c")), (SET_DATA, set_data_body("/s2r/c")), (SET_DATA, set_data_body("/s2p")),
            (SET_WATCHES2, b""), (SET_WATCHES2, set_watches_body(0)))

    def test_watches_are_checked_and_removed(self):
        def of(op, path, kind):
            return (op, string(path) + struct.pack(">i", kind))
        requests = [(CREATE, create_body("/rw")), (CREATE, create_body("/rw/c"))]
        for kind in (1, 2, 3):
            requests += [(GET_DATA, watch_body("/rw", WATCHED)), (GET_CHILDREN, watch_body("/rw/c", WATCHED)),
                         (GET_CHILDREN, watch_body("/rw", WATCHED))]
            for path in ("/rw", "/rw/c", "/missing", ""):
                requests += [of(CHECK_WATCHES, path, kind), of(REMOVE_WATCHES, path, kind), of(REMOVE_WATCHES, path, kind),
                             of(CHECK_WATCHES, path, kind)]
        for mode in (0, 1):
            requests += [(ADD_WATCH, string("/rw/p") + struct.pack(">i", mode)), of(CHECK_WATCHES, "/rw/p", 3),
                         of(REMOVE_WATCHES, "/rw/p", 3), of(CHECK_WATCHES, "/rw/p", 3)]
        requests += [(SET_DATA, set_data_body("/rw")), (DELETE, version_body("/rw/c")), (CREATE, create_body("/rw/p"))]
        for op in (CHECK_WATCHES, REMOVE_WATCHES):
            requests += [of(op, "/rw", 0), of(op, "/rw", 6), of(op, "/rw", -1), (op, b""), (op, string("/rw"))]
        self.compare(*requests)

    def test_containers(self):
        self.compare(
            (CREATE_CONTAINER, create_body("/co", b"x", flags=4)), (EXISTS, watch_body("/co")),
            (CREATE_CONTAINER, create_body("/co0", flags=0)), (CREATE_CONTAINER, create_body("/co", flags=4)),
            (CREATE_CONTAINER, create_body("/co/s-", flags=2)), (CREATE_CONTAINER, create_body("/co/bad", flags=7)),
            (CREATE_CONTAINER, create_body("/co/t", flags=5)), (CREATE_CONTAINER, create_body("/missing/x", flags=4)),
            (CREATE_CONTAINER, create_body("/co/a", acl=[], flags=4)), (CREATE, create_body("/plain", flags=4)),
            (CREATE, create_body("/co/c")), (GET_CHILDREN2, watch_body("/co")), (DELETE, version_body("/co")),
            (DELETE, version_body("/co/c")), (SET_DATA, set_data_body("/co")), (DELETE, version_body("/co")),
            (CREATE_CONTAINER, b""))

    def test_ttl_nodes_without_extended_types(self):
        self.compare(
            (CREATE_TTL, ttl_body("/t", 1000)), (CREATE_TTL, ttl_body("/t", 0)), (CREATE_TTL, ttl_body("/t", -1)),
            (CREATE_TTL, ttl_body("/t", 1000, flags=0)), (CREATE_TTL, ttl_body("/t", 1000, flags=4)),
            (CREATE_TTL, ttl_body("/t", 1000, flags=7)), (CREATE_TTL, ttl_body("nonsense", 1000, acl=[], flags=6)),
            (CREATE_TTL, create_body("/t", flags=5)), (CREATE_TTL, b""), (EXISTS, watch_body("/t")), (PING, b""),
            (MULTI, multi_body((CREATE, create_body("/t")), (CREATE_TTL, ttl_body("/u", 5)), (DELETE, version_body("/t")))))

    def test_undecodable_bodies(self):
        for op in (EXISTS, GET_DATA, GET_ACL, GET_CHILDREN, GET_CHILDREN2, SYNC, SET_WATCHES):
            with self.subTest(op):
                self.compare((op, b""), (op, b"\0\0"), (op, b"\0\0\0\5/a"), (PING, b""))
        for op in (CREATE, CREATE2, CREATE_CONTAINER, CREATE_TTL, DELETE, SET_DATA, SET_ACL):
            with self.subTest(op):
                self.compare((op, b""), (op, b"\0\0\0\5/a"), (op, string("/x")), (op, string(None)))

    def test_operations_that_end_the_connection(self):
        for op in (0, 10, 23, 99, 108, -1):
            with self.subTest(op):
                # Nothing is sent behind it: a busy server of Apache's may still answer that before it closes.
                def story(client, _port, op=op):
                    xid, zxid, error, answer = client.call(0, op, string("/x"))
                    with self.assertRaises(Closed):
                        client.read()
                    return xid, zxid, error, answer
                self.both(story)

    def test_operations_that_are_off(self):
        # Apache's server spends a zxid on the refusal.
        self.compare((RECONFIG, string("") + string("") + string("") + struct.pack(">q", -1)), (PING, b""),
                     with_zxid=False)

    def test_sasl_without_configuration(self):
        self.compare((SASL, string(b"")), (PING, b""))

    def test_close_session(self):
        def story(client, port):
            client.call(1, CREATE, create_body("/cs", flags=1))
            client.call(2, EXISTS, watch_body("/cs", WATCHED))
            client.send(3, CLOSE_SESSION)
            event, answer = client.read(), client.read()
            return event[:1] + event[2:], answer[0], answer[2:], client.is_closed()
        self.both(story)

    def test_handshakes(self):
        def shape(answer):
            return len(answer), answer[:8], answer[16:20], answer[36:]

        def story(client, port):
            told = []
            for settings in [{}, {"read_only": b""}, {"timeout_ms": 1}, {"timeout_ms": -5}, {"timeout_ms": 99999},
                             {"password": b""}, {"password": None}, {"password": b"x" * 40}]:
                with RawClient(port) as other:
                    told.append((settings, shape(other.connect(**settings))))
            for settings in [{"session": 12345}, {"session": client.session},
                             {"session": 12345, "read_only": b""}]:
                with RawClient(port) as other:
                    told.append((list(settings), other.connect(**settings), other.is_closed()))
            with RawClient(port) as other:
                other.connect()
                with RawClient(port) as again:
                    answer = again.connect(session=other.session, password=other.password, timeout_ms=5000)
                    told.append((answer[:8], again.session == other.session, other.is_closed()))
            return told
        self.both(story)

    def test_connections_that_end_silently(self):
        def story(client, port):
            told = []
            for raw in [b"\xff\xff\xff\xff", b"\0\x10\0\0", b"\0\0\0\4abcd", b"\0\0\0\0", b"RUOK", b"nope"]:
                with RawClient(port) as other:
                    other.socket.sendall(raw)
                    told.append((raw, other.is_closed()))
            for payload in [b"", b"abcd", b"abcdefg", struct.pack(">ii", -4, AUTH), struct.pack(">ii", 1, SASL)]:
                with RawClient(port) as other:
                    other.connect()
                    other.send_frame(payload)
                    told.append((payload, other.is_closed()))
            with RawClient(port) as other:
                try:
                    other.connect(seen=1 << 60)
                    told.append("answered")
                except Closed:
                    told.append("closed")
            return told
        self.both(story)

    def test_pipelined_behind_the_handshake(self):
        def story(client, port):
            with RawClient(port) as other:
                payload = struct.pack(">iqiq", 0, 0, 5000, 0) + string(b"\0" * 16) + b"\0"
                auth = struct.pack(">ii", -4, AUTH) + auth_body("digest", "u:p")
                exists = struct.pack(">ii", 1, EXISTS) + watch_body("/")
                other.socket.sendall(b"".join(struct.pack(">i", len(p)) + p for p in (payload, auth, exists)))
                answer = other.read_frame()
                other.session, other.password = struct.unpack(">q", answer[8:16])[0], answer[20:36]
                return other.read()[0], other.read()[0]
        self.both(story)

    def test_words(self):
        with Ensemble([APACHE]) as member, Ensemble([OURS]) as own:
            ensembles = [member.start(), own.start()]
            for word in ("ruok", "isro"):
                answers = [ensemble[1].word(word) for ensemble in ensembles]
                self.assertEqual(answers[1], answers[0])
            self.compare_words(ensembles)

    def test_words_of_a_server_alone(self):
        with Ensemble([APACHE], standalone=True) as theirs, Ensemble([OURS], standalone=True) as own:
            ensembles = [theirs.start(), own.start()]
            for word in ("ruok", "isro"):
                answers = [ensemble[1].word(word) for ensemble in ensembles]
                self.assertEqual(answers[1], answers[0])
            self.compare_words(ensembles)
            for ensemble in ensembles:
                self.assertEqual(ensemble[1].mode(), "standalone")
                self.assertIn("zk_server_state\tstandalone\n", ensemble[1].word("mntr"))
            answers = [ensemble[1].word("conf").splitlines() for ensemble in ensembles]
            differ = {one.split("=")[0] for one, other in zip(*answers) if one != other}
            self.assertLessEqual(differ, {"clientPort", "dataDir", "dataDirSize", "dataLogDir", "dataLogSize"})
            apache, ours = [ensemble[1].word("mntr") for ensemble in ensembles]
            for absent in ("peer_state", "quorum_size", "learners", "synced_followers", "leader_uptime"):
                self.assertNotIn("zk_%s\t" % absent, apache)
                self.assertNotIn("zk_%s\t" % absent, ours)

    def test_words_that_are_not_allowed(self):
        few = {"4lw.commands.whitelist": "ruok, isro"}
        words = "conf cons crst dirs dump envi gtmk hash mntr srst stat wchc wchp wchs ruok isro".split()
        with Ensemble([APACHE], **few) as member, Ensemble([OURS], **few) as own:
            told = []
            for ensemble in (member, own):
                ensemble.start()  # which asks srvr, allowed whatever the list says
                told.append([(word, ensemble[1].word(word)) for word in words])
            self.assertEqual(told[1], told[0])

    def compare_words(self, ensembles):

        def keys(text, separator):
            return [line.split(separator)[0] for line in text.splitlines() if separator in line]
        apache, ours = [ensemble[1].word("srvr") for ensemble in ensembles]
        without_proposals = [key for key in keys(apache, ": ") if not key.startswith("Proposal sizes")]
        self.assertEqual([key for key in keys(ours, ": ") if not key.startswith("Proposal sizes")], without_proposals)
        apache, ours = [ensemble[1].word("conf") for ensemble in ensembles]
        self.assertEqual(keys(ours, "="), keys(apache, "="))
        self.assertEqual(ours.endswith("\n"), apache.endswith("\n"))
        apache, ours = [ensemble[1].word("stat") for ensemble in ensembles]
        self.assertRegex(ours, r"\nClients:\n( /127\.0\.0\.1:\d+\[\d\]\(queued=0,recved=\d+,sent=\d+\)\n)+\nLatency")
        self.assertRegex(apache, r"\nClients:\n( /127\.0\.0\.1:\d+\[\d\]\(queued=0,recved=\d+,sent=\d+\)\n)+\nLatency")
        apache, ours = [set(keys(ensemble[1].word("mntr"), "\t")) for ensemble in ensembles]
        own = {"zk_server_id", "zk_leader_id", "zk_last_zxid", "zk_last_logged_zxid", "zk_accepted_epoch",
               "zk_current_epoch", "zk_election_round", "zk_vote_leader", "zk_vote_zxid", "zk_vote_epoch", "zk_last_election_ms", "zk_proposals_pending", "zk_fsync_pending_ms"}
        later = {"zk_snapshot_error_count", "zk_snapshot_rate_limited_count", "zk_restore_error_count",
                 "zk_restore_rate_limited_count"}  # 3.9's
        later |= {f"zk_{what}_restore_time" for what in ("avg", "min", "max", "cnt", "sum")}
        self.assertEqual(ours - apache, (own | later) & ours, "only our own keys and those of later servers are not Apache's")
        self.assertEqual(later - ours, set())
        for key in ("zk_version", "zk_server_state", "zk_znode_count", "zk_avg_latency", "zk_watch_count"):
            self.assertIn(key, ours)


class EventsOfOurs(unittest.TestCase):
    """What Apache's servers do since 3.9, and Debian's 3.8.0 does not."""

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble([OURS])
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.port = cls.ensemble.start()[1].client_port

    def test_events_have_the_zxid_of_their_txn(self):
        with RawClient(self.port) as client, RawClient(self.port) as writer:
            client.connect()
            writer.connect()
            self.assertEqual(client.call(1, ADD_WATCH, string("/z") + struct.pack(">i", 1))[2], 0)
            wrote = [writer.call(1, CREATE, create_body("/z"))[1],
                     writer.call(2, MULTI, multi_body((CREATE, create_body("/z/a")), (SET_DATA, set_data_body("/z"))))[1],
                     writer.call(3, DELETE, version_body("/z/a"))[1]]
            told = [client.read() for _ in range(4)]
            self.assertEqual([event[:3] for event in told], [(-1, zxid, 0) for zxid in (wrote[0], wrote[1], wrote[1], wrote[2])])
            client.send(2, SET_WATCHES, set_watches_body(0, ["/z"]))
            self.assertEqual(client.read()[:3], (-1, -1, 0), "told of no txn")

    def test_kinds_at_one_path_are_apart(self):
        with RawClient(self.port) as client:
            client.connect()
            client.call(1, CREATE, create_body("/k"))
            for mode in (0, 1):
                client.call(2, ADD_WATCH, string("/k") + struct.pack(">i", mode))
            client.call(3, GET_DATA, watch_body("/k", WATCHED))
            errors = [client.call(4, REMOVE_WATCHES, string("/k") + struct.pack(">i", kind))[2] for kind in (2, 2, 5, 5)]
            self.assertEqual(errors, [0, -121, 0, -121])
            for _ in range(2):
                self.assertEqual(client.call(5, SET_DATA, set_data_body("/k"))[0], -1)
                self.assertEqual(client.read()[0], 5)
            self.assertEqual([client.call(6, CHECK_WATCHES, string("/k") + struct.pack(">i", kind))[2] for kind in (1, 4)],
                             [-121, 0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
