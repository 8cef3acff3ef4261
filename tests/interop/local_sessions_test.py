#!/usr/bin/python3
"""Sessions that one server alone knows (localSessionsEnabled): ours beside Apache's, and under its leader and above its
followers."""
import time
import unittest

from raw_client import *  # noqa: F403
from servers import APACHE, OURS, Ensemble, wait_until

CLOSED = "closed"
EPHEMERAL = 1


def headings_of_dump(server):
    """Which sets of sessions the word names, without how many."""
    return [line.split("(")[0] for line in server.word("dump").splitlines()
            if line.startswith(("Session", "Local ", "Global "))]


def zxid_of(client):
    return client.call(90, SYNC, string("/"))[1]


class LocalSessions(unittest.TestCase):
    def stories(self, flavors, **settings):
        """What a client sees at the leader, and at the last follower."""
        with Ensemble(flavors, localSessionsEnabled="true", **settings) as ensemble:
            leader, follower = self.start(ensemble)
            return {name: self.story(server, other, name)
                    for name, server, other in (("leader", leader, follower), ("follower", follower, leader))}

    def start(self, ensemble):
        """Two begin with nothing: the higher id wins, however slowly it starts."""
        ensemble.start([ensemble[3], ensemble[2]])
        ensemble.start([ensemble[1]])
        self.assertIs(ensemble.wait_leader(), ensemble[3])
        return ensemble[3], ensemble[1]

    def story(self, server, other, name):
        told = {}
        with RawClient(other.client_port) as watcher, RawClient(server.client_port) as client:
            watcher.connect()
            watcher.call(1, CREATE, create_body("/first-" + name))
            before = zxid_of(watcher)
            client.connect(20000)
            self.assertNotEqual(client.session, 0)
            told["words"] = (headings_of_dump(server), "\t0x%x\n" % client.session in server.word("dump"))
            told["zxids of a session"] = zxid_of(watcher) - before
            told["create"] = client.call(1, CREATE, create_body("/" + name))[2]
            told["ephemeral"] = client.call(2, CREATE, create_body("/" + name + "/e", flags=EPHEMERAL))[2]
            told["ephemeral, create2"] = client.call(3, CREATE2, create_body("/" + name + "/e2", flags=EPHEMERAL))[2]
            told["zxids of three creates"] = zxid_of(client) - before
            parts = ((CREATE, create_body("/" + name + "/p")), (CREATE, create_body("/" + name + "/m", flags=EPHEMERAL)))
            told["multi"] = client.call(4, MULTI, multi_body(*parts))[2:] if name == "follower" else \
                client.call(4, MULTI, multi_body(*parts))[2]
            told["nodes"] = [client.call(5, EXISTS, watch_body("/" + name + "/" + node))[2] for node in ("e", "e2", "p", "m")]
            told["container"] = client.call(6, CREATE_CONTAINER, create_body("/" + name + "/c", flags=4))[2]

            with RawClient(other.client_port) as elsewhere:
                elsewhere.connect(session=client.session, password=client.password)
                told["reattached elsewhere"] = (elsewhere.session, elsewhere.timeout)
            with RawClient(server.client_port) as back:
                back.connect(session=client.session, password=client.password)
                told["reattached here"] = back.session == client.session
                try:
                    told["old connection"] = client.call(7, EXISTS, watch_body("/"))[2]
                except Closed:
                    told["old connection"] = CLOSED
                client.session = 0
                before = zxid_of(watcher)
                told["close"] = back.call(8, CLOSE_SESSION)[2:]
                told["zxids of a close"] = zxid_of(watcher) - before
                again = RawClient(server.client_port)
                again.connect(session=back.session, password=back.password)
                told["reattached after its end"] = again.session
                again.close()
                back.session = 0
        return told

    def test_what_clients_see(self):
        ours = self.stories([OURS] * 3)
        self.assertEqual(ours["follower"]["zxids of a session"], 0)
        self.assertEqual(ours["follower"]["ephemeral"], -120)
        self.assertEqual(ours, self.stories([APACHE] * 3))
        for flavors in ([OURS, OURS, APACHE], [APACHE, APACHE, OURS]):
            self.assertEqual(ours, self.stories(flavors), flavors)

    def upgraded(self, flavors):
        with Ensemble(flavors, localSessionsEnabled="true", localSessionsUpgradingEnabled="true") as ensemble:
            told = []
            for number, server in enumerate(self.start(ensemble)):
                other = ensemble[2]
                path = "/owned-%d" % number
                with RawClient(server.client_port) as client, RawClient(other.client_port) as there:
                    client.connect(6000)
                    before = zxid_of(client)
                    made = (client.call(1, CREATE, create_body(path, flags=EPHEMERAL)) if number == 0 else
                            client.call(1, MULTI, multi_body((CREATE, create_body(path, flags=EPHEMERAL)))))
                    told.append((made[2], zxid_of(client) - before))
                    there.connect(6000, session=client.session, password=client.password)
                    told.append(there.session == client.session)
                    told.append(there.call(2, CREATE, create_body(path + "-b", flags=EPHEMERAL))[2])
                    told.append(there.call(3, CLOSE_SESSION)[2])
                    client.session = there.session = 0
                    with RawClient(server.client_port) as looks:
                        looks.connect()
                        zxid_of(looks)
                        told += [looks.call(4, EXISTS, watch_body(name))[2] for name in (path, path + "-b")]
            return told

    def test_a_session_with_an_ephemeral_is_known_everywhere(self):
        ours = self.upgraded([OURS] * 3)
        self.assertEqual(ours[:6], [(0, 2), True, 0, 0, -101, -101])
        self.assertEqual(ours, self.upgraded([APACHE] * 3))
        for flavors in ([OURS, OURS, APACHE], [APACHE, APACHE, OURS]):
            self.assertEqual(ours, self.upgraded(flavors), flavors)

    def test_expiry_is_a_matter_of_the_server(self):
        with Ensemble([OURS] * 3, localSessionsEnabled="true") as ensemble:
            ensemble.start()
            follower = ensemble.followers()[0]
            with RawClient(follower.client_port) as client, RawClient(follower.client_port) as looks:
                began = time.monotonic()  # before the server heard of it
                client.connect(2000)
                looks.connect(60000)
                before = zxid_of(looks)
                self.assertRaises(Closed, client.read_frame)
                self.assertGreater(time.monotonic() - began, 1.9)
                self.assertEqual(zxid_of(looks), before)
                with RawClient(follower.client_port) as again:
                    again.connect(session=client.session, password=client.password)
                    self.assertEqual(again.session, 0)
                client.session = 0

    def test_sessions_outlive_an_election(self):
        """Of our servers, which go on as the same process. Apache's forget them."""
        with Ensemble([OURS] * 3, localSessionsEnabled="true") as ensemble:
            ensemble.start()
            follower = ensemble.followers()[0]
            with RawClient(follower.client_port) as client:
                client.connect(20000)
                ensemble.wait_leader().kill()
                wait_until("another leader", lambda: [s for s in ensemble.servers if s.alive() and s.mode() == "leader"])
                follower.wait_serving()
                with RawClient(follower.client_port) as back:
                    back.connect(20000, session=client.session, password=client.password)
                    self.assertEqual(back.session, client.session)
                    self.assertEqual(back.call(1, CREATE, create_body("/after"))[2], 0)
                client.session = 0


if __name__ == "__main__":
    unittest.main(verbosity=2)
