#!/usr/bin/python3
"""Who may do what, by the keys of zoo.cfg that say so: the same bytes to our server and to Apache's, the same answers."""
import unittest

import random_requests_test
import raw_protocol_test
from raw_client import *  # noqa: F403
from servers import APACHE, OURS, Ensemble, wait_until

SUPER = {"DigestAuthenticationProvider.superDigest": "super:D/InIHSb7yEEbrWz8b9l71RjZJU="}  # super:test
CLOSED = [(31, "digest", "nobody:xx")]


def everything(path):
    """All that needs a permission at `path`, or of its parent."""
    return [(EXISTS, watch_body(path)), (GET_DATA, watch_body(path)), (GET_CHILDREN, watch_body(path)), (GET_CHILDREN2, watch_body(path)),
            (GET_ACL, string(path)), (GET_ALL_CHILDREN_NUMBER, string(path)), (SET_DATA, set_data_body(path, b"x")),
            (CREATE, create_body(path + "/c")), (DELETE, version_body(path + "/c")),
            (MULTI, multi_body((CHECK, version_body(path)), (CREATE, create_body(path + "/m")), (DELETE, version_body(path + "/m")))),
            (MULTI_READ, multi_body((GET_CHILDREN, watch_body(path)))),
            (SET_ACL, set_acl_body(path, CLOSED))]


class SkipAcl(raw_protocol_test.Servers):
    settings = {"skipACL": "yes"}

    def test_everybody_may_do_everything(self):
        told = self.compare((CREATE, create_body("/closed", acl=CLOSED)), *everything("/closed"),
                            (CREATE, create_body("/bad", acl=[(31, "auth", "")])), (CREATE, create_body("/bad", acl=[(31, "nope", "x")])),
                            (GET_EPHEMERALS, string("/")))
        self.assertEqual([line[4] for line in told], [0] * 13 + [-114, -114, 0])

    def test_events_of_closed_nodes_are_told(self):
        self.compare((ADD_WATCH, string("/") + b"\0\0\0\1"), (CREATE, create_body("/w", acl=CLOSED)), (SET_DATA, set_data_body("/w", b"1")),
                     (CREATE, create_body("/w/x")), (DELETE, version_body("/w/x")), (DELETE, version_body("/w")))


class RandomWithoutAcls(random_requests_test.RandomRequests):
    settings = {**random_requests_test.SETTINGS, "skipACL": "yes"}
    count = 8


class Super(raw_protocol_test.Servers):
    settings = SUPER

    def test_super_may_do_everything(self):
        told = self.compare((CREATE, create_body("/s", acl=CLOSED)), (GET_DATA, watch_body("/s")), (AUTH, auth_body("digest", "super:wrong")),
                            (GET_DATA, watch_body("/s")), (AUTH, auth_body("digest", "super:test")), *everything("/s"),
                            (CREATE, create_body("/s/auth", acl=[(31, "auth", "")])), with_zxid=False)
        self.assertEqual([line[4] for line in told[:5]], [0, -102, 0, -102, 0])
        self.assertEqual({line[4] for line in told[5:]}, {0})


class EnforcedAuth(raw_protocol_test.Servers):
    settings = {"enforce.auth.enabled": "true", "enforce.auth.schemes": "digest"}

    def test_nobody_may_ask(self):
        for request in ((GET_DATA, watch_body("/")), (PING, b""), (CREATE, create_body("/x")), (WHO_AM_I, b""), (CLOSE_SESSION, b""),
                        (4711, b""), (CREATE, b""), (SYNC, string("/")), (AUTH, auth_body("ip", ""))):
            def story(client, port, request=request):
                told = [client.call(7, *request)]
                if request[0] == AUTH:
                    told.append(client.call(8, PING))
                return told, client.is_closed()
            told, closed = self.both(story)
            self.assertEqual((told[-1][2], closed), (-124, True), request)

    def test_a_proof_opens_the_door(self):
        def story(client, port):
            steps = [(AUTH, auth_body("digest", "u:p")), (CREATE, create_body("/open", acl=[(31, "auth", "")])), (PING, b"")]
            return [client.call(i, op, body)[2] for i, (op, body) in enumerate(steps)]
        self.assertEqual(self.both(story), [0, 0, 0])

    def test_the_session_lives_on(self):
        def story(client, port):
            refused = client.call(1, PING)[2]
            with RawClient(port) as again:
                again.connect(session=client.session, password=client.password)
                same = again.session == client.session
                return refused, same, again.call(-4, AUTH, auth_body("digest", "u:p"))[2], again.call(2, PING)[2]
        self.assertEqual(self.both(story), (-124, True, 0, 0))


class OtherDigest(raw_protocol_test.Servers):
    settings = {"DigestAuthenticationProvider.digestAlg": "SHA-256"}

    def test_ids(self):
        self.compare((AUTH, auth_body("digest", "u:p")), (CREATE, create_body("/d", acl=[(31, "auth", "")])), (GET_ACL, string("/d")),
                     with_zxid=False)


class NoDigest(raw_protocol_test.Servers):
    settings = {"DigestAuthenticationProvider.enabled": "false"}

    def test_there_is_no_such_scheme(self):
        told = self.compare((CREATE, create_body("/d", acl=CLOSED)), (CREATE, create_body("/d", acl=[(31, "ip", "127.0.0.1"), (1, "auth", "")])),
                            (SET_ACL, set_acl_body("/", CLOSED)), (AUTH, auth_body("digest", "u:p")), (PING, b""))
        self.assertEqual([line[4] if len(line) > 3 else line[2] for line in told], [-114, -114, -114, -115, "closed"])


class OldCloseSession(raw_protocol_test.Servers):
    settings = {"closeSessionTxn.enabled": "false"}

    def test_ephemerals_go(self):
        def story(client, port):
            with RawClient(port) as other:
                other.connect()
                made = other.call(1, CREATE, create_body("/gone", flags=1))[2]
                ended = other.call(2, CLOSE_SESSION)[2]
                other.session = 0
            return made, ended, client.call(1, EXISTS, watch_body("/gone"))[2]
        self.assertEqual(self.both(story), (0, 0, -101))


class ConnectionTokens(raw_protocol_test.Servers):
    settings = {"connection_throttle_tokens": 4, "connection_throttle_fill_time": 1000000000}

    def test_who_comes_too_late(self):
        def story(client, port):
            told, clients = [], [RawClient(port) for _ in range(5)]
            for other in clients:
                try:
                    other.connect()
                    told.append(other.session != 0)
                except Closed:
                    told.append("closed")
            for other in clients:
                other.close()
            return told
        self.assertEqual(self.both(story), [True] * 3 + ["closed"] * 2)


class LargeRequests(raw_protocol_test.Servers):
    settings = {"largeRequestThreshold": 1000, "largeRequestMaxBytes": 3000}

    def test_beyond_their_room(self):
        told = self.compare((CREATE, create_body("/large", b"x" * 900)), (SET_DATA, set_data_body("/large", b"x" * 2500)),
                            (SET_DATA, set_data_body("/large", b"x" * 2500)), (SET_DATA, set_data_body("/large", b"x" * 3000)))
        self.assertEqual([line[4] if len(line) > 3 else line[2] for line in told], [0, 0, 0, "closed"])


class LeaderServes(unittest.TestCase):
    """leaderServes=no: a leader lets no client in, and followers pass on what theirs write."""

    def story(self, flavors):
        with Ensemble(flavors, leaderServes="no") as ensemble:
            one, two, three = ensemble.servers
            for server in ensemble.servers:
                server.start()
            wait_until("followers", lambda: [s.mode() for s in ensemble.servers].count("follower") == 2)
            leader = next(s for s in ensemble.servers if s.mode() != "follower")
            with RawClient(leader.client_port) as client:
                client.send_frame(b"\0" * 45)
                self.assertTrue(client.is_closed())
            for server in ensemble.servers:
                if server is leader:
                    continue
                with RawClient(server.client_port) as client:
                    client.connect()
                    self.assertEqual(client.call(1, CREATE, create_body("/from-%d" % server.sid))[2], 0)
            self.assertEqual(leader.word("ruok"), "imok")
            return leader.flavor

    def test_ours(self):
        self.story([OURS, OURS, OURS])

    def test_mixed(self):
        self.story([APACHE, APACHE, OURS])


if __name__ == "__main__":
    unittest.main(verbosity=2)
