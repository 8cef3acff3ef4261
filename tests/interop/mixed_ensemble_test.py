#!/usr/bin/python3
"""Ensembles of Apache's servers and ours, in both proportions and with either as the leader."""
import os
import re
import shutil
import signal
import threading
import time
import unittest

from kazoo.exceptions import KazooException
from kazoo.handlers.threading import KazooTimeoutError

from raw_client import (ADD_WATCH, CREATE, CREATE_CONTAINER, CREATE_TTL, DELETE, EXISTS, MULTI, SET_DATA, SYNC, Closed,
                        RawClient, create_body, multi_body, set_data_body, string, ttl_body, version_body, watch_body)
from servers import APACHE, OURS, Ensemble, effective, wait_until
from trees import Connected, differences, tree_of


class Writer(threading.Thread):
    """Writes numbered nodes through all servers and remembers which were acknowledged."""

    def __init__(self, hosts, root):
        super().__init__(daemon=True)
        self.hosts, self.root = hosts, root
        self.acknowledged = []
        self.ends = False

    def run(self):
        number = 0
        with Connected(self.hosts, timeout=4.0) as client:
            client.ensure_path(self.root)
            while not self.ends:
                number += 1
                try:
                    client.create_async("%s/%06d" % (self.root, number), b"%d" % number).get(15)
                    self.acknowledged.append(number)
                except (KazooException, KazooTimeoutError):
                    time.sleep(0.05)  # maybe written, maybe not: never written again
                time.sleep(0.002)

    def finish(self):
        self.ends = True
        self.join(60)
        assert not self.is_alive()
        return self.acknowledged


class Mixed:
    """The stories; subclasses name the flavors of servers 1, 2 and 3. Server 3 leads at first."""
    flavors = []
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble(cls.flavors, snapCount=500, extendedTypesEnabled="true", enforceQuota="true",
                                **{"znode.container.checkIntervalMs": 500})
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        one, two, three = cls.ensemble.servers
        cls.ensemble.start([three, one])
        cls.ensemble.start([two])

    def tearDown(self):
        result = self._outcome.result
        if any(test is self for test, _ in result.failures + result.errors):
            for server in self.ensemble.servers:
                print("--- %s: end of the log of server %d (%s)" % (self.id(), server.sid, server.flavor))
                print(server.log_tail(15))

    def all_serve(self):
        for server in self.ensemble.servers:
            if not server.alive():
                if server.process is not None:
                    server.kill()
                server.start()
        for server in self.ensemble.servers:
            server.wait_serving()
        return self.ensemble.wait_leader()

    def same_trees(self):
        """The tree that all three serve. Sessions of earlier tests may expire while it is read: then once more."""
        deadline = time.monotonic() + 20
        while True:
            trees = [tree_of(server) for server in self.ensemble.servers]
            differ = [differences(trees[0], trees[i]) for i in (1, 2)]
            if differ == [[], []] or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        self.assertEqual(differ, [[], []], "servers 2 and 3 against server 1")
        self.assertGreaterEqual(len(trees[0]), 3)
        return trees[0]

    def write(self, server, path, count=20, size=10):
        with Connected(server.address) as client:
            client.ensure_path(path)
            asked = [client.create_async("%s/n-" % path, b"x" * size, sequence=True) for _ in range(count)]
            for answer in asked:
                answer.get(30)

    def test_1_elects_and_replicates(self):
        leader = self.all_serve()
        self.assertEqual(leader.sid, 3)
        self.assertEqual(len(self.ensemble.followers()), 2)
        for server in self.ensemble.servers:
            with Connected(server.address) as client:
                client.create("/from-%d" % server.sid, b"%d" % server.sid)
                for other in self.ensemble.servers:
                    with Connected(other.address) as reader:
                        reader.sync("/")
                        self.assertEqual(reader.get("/from-%d" % server.sid)[0], b"%d" % server.sid)
        self.same_trees()

    def test_2_transactions_acls_and_sequences(self):
        self.all_serve()
        for server in self.ensemble.servers:
            with Connected(server.address, auth_data=[("digest", "u%d:p" % server.sid)]) as client:
                root = "/t%d" % server.sid
                client.create(root)
                t = client.transaction()
                t.create(root + "/a", b"1")
                t.create(root + "/s-", sequence=True)
                t.set_data(root + "/a", b"2")
                t.delete(root + "/s-0000000001")
                self.assertEqual(t.commit()[1], root + "/s-0000000001")
                t = client.transaction()
                t.create(root + "/b")
                t.check(root, 77)
                t.commit()
                acl = client.get_acls(root)[0]
                client.set_acls(root + "/a", acl)
                self.assertEqual(client.create(root + "/s-", sequence=True), root + "/s-0000000002")
                client.create(root + "/e", ephemeral=True)
        tree = self.same_trees()
        self.assertNotIn("/t1/b", tree)
        self.assertNotIn("/t1/e", tree)
        self.assertEqual(tree["/t2/a"][0], b"2")

    def test_2b_containers_and_ttl_nodes(self):
        """Made through every server, and removed by whichever leads. Those that stay go through all that follows."""
        self.all_serve()
        for server in self.ensemble.servers:
            other = self.ensemble[server.sid % 3 + 1]
            root = "/left%d" % server.sid
            with RawClient(server.client_port) as client, RawClient(other.client_port) as watcher:
                watcher.connect()
                self.assertEqual(watcher.call(1, ADD_WATCH, string(root) + b"\0\0\0\1")[2], 0)
                client.connect()
                requests = [
                    (CREATE, create_body(root)), (CREATE_CONTAINER, create_body(root + "/c", flags=4)),
                    (CREATE_CONTAINER, create_body(root + "/unused", flags=4)), (CREATE, create_body(root + "/c/x")),
                    (CREATE_TTL, ttl_body(root + "/t", 200)), (CREATE_TTL, ttl_body(root + "/kept", 2 ** 40 - 1)),
                    (CREATE_TTL, ttl_body(root + "/s-", 10 ** 9, flags=6)), (CREATE, create_body(root + "/kept/x")),
                    (MULTI, multi_body((CREATE_CONTAINER, create_body(root + "/m", flags=4)),
                                       (CREATE_TTL, ttl_body(root + "/m/t", 200)), (CREATE, create_body(root + "/m/x")),
                                       (DELETE, version_body(root + "/m/x")))),
                    (DELETE, version_body(root + "/c/x"))]
                self.assertEqual([client.call(i, op, body)[2] for i, (op, body) in enumerate(requests)], [0] * len(requests))

                def gone(client=client, root=root):
                    return all(client.call(9, EXISTS, watch_body(root + end))[2] == -101 for end in ("/c", "/t", "/m", "/m/t"))
                wait_until("the clean-up", gone, 30)
                watcher.send(2, SYNC, string("/"))
                told = []
                while not told or told[-1][0] == -1:
                    told.append(watcher.read())
                deleted = sorted(event[3][12:].decode() for event in told if event[0] == -1 and event[3][:4] == b"\0\0\0\2")
                self.assertEqual(deleted, sorted(root + end for end in ("/c", "/c/x", "/m", "/m/t", "/m/x", "/t")))
        tree = self.same_trees()
        for sid in (1, 2, 3):
            for end in ("/unused", "/kept", "/kept/x", "/s-0000000004"):
                self.assertIn("/left%d%s" % (sid, end), tree)

    def all_have_applied(self, zxid):
        def applied(server):
            return int(re.search(r"Zxid: (0x[0-9a-f]+)", server.word("srvr") or "Zxid: 0x0").group(1), 16)
        wait_until("all have applied it", lambda: all(applied(server) >= zxid for server in self.ensemble.servers))

    def test_2c_quotas(self):
        """Limits set through every server, counters equal at all of them, and nobody's digest another."""
        self.all_serve()
        limits = b"count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=10"
        for server in self.ensemble.servers:
            root = "/quota%d" % server.sid
            own = "/zookeeper/quota" + root
            with RawClient(server.client_port) as client:
                client.connect()
                requests = [
                    (CREATE, create_body(root, b"12345")), (CREATE, create_body(root + "/a", b"1")), (CREATE, create_body(own)),
                    (CREATE, create_body(own + "/zookeeper_limits", limits)), (CREATE, create_body(own + "/zookeeper_stats")),
                    (CREATE, create_body(root + "/b", b"x" * 80)), (CREATE, create_body(root + "/big", b"x" * 15)),
                    (SET_DATA, set_data_body(root + "/a", b"12345678901234567")),
                    (MULTI, multi_body(*[(CREATE, create_body("%s/m%d" % (root, i))) for i in range(6)])),
                    (CREATE, create_body(root + "/e", flags=1)), (CREATE, create_body(root + "/last")),
                    (DELETE, version_body(root + "/m0")), (CREATE, create_body(root + "/last"))]
                errors = []
                for op, body in requests:
                    answer = client.call(1, op, body)
                    errors.append(answer[2])
                    # Apache's leader looks at what it has applied, which may be less than what a follower has answered.
                    self.all_have_applied(answer[1])
                self.assertEqual(errors, [0, 0, 0, 0, 0, 0, -125, -125, 0, 0, -125, 0, 0])
        tree = self.same_trees()
        for sid in (1, 2, 3):
            self.assertEqual(tree["/zookeeper/quota/quota%d/zookeeper_stats" % sid][0], b"count=9,bytes=86")
        for server in self.ensemble.servers:
            log = server.log_tail(1 << 20)
            for words in ("tree.digest_mismatch", "Digests are not matching", "digest mismatch"):
                self.assertNotIn(words, log, "server %d" % server.sid)

    def test_3_sessions_move_and_expire(self):
        self.all_serve()
        one, two, three = self.ensemble.servers
        with RawClient(one.client_port) as client:
            client.connect(timeout_ms=4000)
            self.assertEqual(client.call(1, CREATE, create_body("/moves", flags=1))[2], 0)
            with RawClient(two.client_port) as again:
                again.connect(timeout_ms=4000, session=client.session, password=client.password)
                self.assertEqual(again.session, client.session)
                self.assertEqual(again.call(1, CREATE, create_body("/moves-too", flags=1))[2], 0)
                # The old connection may not write any more, and ends.
                client.send(2, CREATE, create_body("/never"))
                self.assertRaises(Closed, client.read)
                # Both let go of their connections only: the session has to expire.
                again.close()
                client.close()
        with Connected(three.address) as watcher:
            self.assertIsNotNone(watcher.exists("/moves"))
            wait_until("the session expires", lambda: watcher.exists("/moves") is None, 20)
            self.assertIsNone(watcher.exists("/moves-too"))
            self.assertIsNone(watcher.exists("/never"))
        with RawClient(three.client_port) as late:
            late.connect(session=client.session, password=client.password)
            self.assertEqual((late.session, late.timeout), (0, 0))
        self.same_trees()

    def test_4_watches_see_writes_of_other_servers(self):
        self.all_serve()
        for server, writer in ((1, 2), (2, 3), (3, 1)):
            with Connected(self.ensemble[server].address) as client, Connected(self.ensemble[writer].address) as other:
                events = []
                path = "/watched-%d" % server
                client.exists(path, watch=lambda event: events.append((event.type, event.path)))
                client.get_children("/", watch=lambda event: events.append((event.type, event.path)))
                other.create(path)
                wait_until("two events", lambda: len(events) == 2, 10)
                self.assertEqual(events, [("CREATED", path), ("CHILD", "/")])

    def test_5_followers_restart_and_catch_up(self):
        self.all_serve()
        for sid in (1, 2):
            follower = self.ensemble[sid]
            follower.kill()
            self.write(self.ensemble[3 - sid], "/diff-%d" % sid, 50)
            follower.start()
            follower.wait_serving()
        self.same_trees()

    def test_6_wiped_follower_gets_a_snapshot(self):
        self.all_serve()
        leader = self.ensemble.wait_leader()
        for follower in [server for server in self.ensemble.servers if server is not leader]:
            follower.kill()
            shutil.rmtree(follower.data_dir + "/version-2")
            self.write(leader, "/snap-%d" % follower.sid, 20, size=5000)
            follower.start()
            follower.wait_serving()
            self.write(follower, "/after-%d" % follower.sid, 5)
        self.same_trees()

    def test_7_every_leader_dies_once(self):
        self.all_serve()
        writer = Writer(self.ensemble.hosts(), "/survives")
        writer.start()
        wait_until("writes", lambda: len(writer.acknowledged) > 50, 20)
        led = []
        for _ in range(3):
            leader = self.ensemble.wait_leader()
            led.append((leader.sid, leader.flavor))
            leader.kill()
            before = len(writer.acknowledged)
            wait_until("writes under a new leader", lambda: len(writer.acknowledged) > before + 20, 40)
            leader.start()
            leader.wait_serving()
        acknowledged = writer.finish()
        tree = self.same_trees()
        missing = [n for n in acknowledged if "/survives/%06d" % n not in tree]
        self.assertEqual(missing, [], "acknowledged and lost; leaders were %s" % led)

    def test_8_unacknowledged_tail_is_cut_off(self):
        leader = self.all_serve()
        others = [server for server in self.ensemble.servers if server is not leader]
        self.same_trees()
        with RawClient(leader.client_port) as client:
            client.connect()
            # Logged by the leader alone. It does not know yet that it has no quorum, and serves its clients: the others do
            # nothing any more, but their connections are there.
            for other in others:
                os.kill(other.process.pid, signal.SIGSTOP)
            for i in range(20):
                client.send(i, CREATE, create_body("/lost-%d" % i, b"x" * 100))
            time.sleep(0.3)
            for other in others:
                other.kill()
        leader.kill()
        for other in others:
            other.start()
        for other in others:
            other.wait_serving()
        self.write(others[0], "/instead", 30)
        leader.start()
        leader.wait_serving()
        tree = self.same_trees()
        self.assertEqual([path for path in tree if path.startswith("/lost-")], [])

    def test_9_all_restart_together(self):
        self.all_serve()
        before = self.same_trees()
        for server in self.ensemble.servers:
            server.kill()
        self.ensemble.start()
        self.assertEqual(differences(before, self.same_trees()), [])
        self.write(self.ensemble[2], "/again", 5)
        self.same_trees()
        for server in self.ensemble.servers:
            server.stop()
        self.ensemble.start()
        self.write(self.ensemble[1], "/once-more", 5)
        tree = self.same_trees()
        if "/left1" in tree:  # not when this test runs alone
            self.assertLessEqual({"/left1/kept", "/left2/unused", "/left3/kept/x"}, set(tree))


class ReconfigEnabledWithoutAReconfiguration(unittest.TestCase):
    """Apache's with reconfigEnabled=true gives the first configuration a version when it leads. Whoever does not take that
    version over refuses Apache's members as a leader, and is refused."""

    def test_ours_leads_and_follows(self):
        with Ensemble([APACHE, OURS, APACHE]) as ensemble:
            for server in ensemble.servers:
                server.write_config(ensemble.servers,
                                    {"reconfigEnabled": "true"} if effective(server.flavor) == APACHE else {})
            one, two, three = ensemble.servers
            ensemble.start([three, two])
            ensemble.start([one])
            self.assertEqual(ensemble.wait_leader().sid, 3)
            with Connected(two.address) as client:
                client.create("/before")
            three.kill()
            # Ours has the higher id of the two that are left, and the same history.
            wait_until("server 2 leads", lambda: two.mode() == "leader", 60)
            one.wait_serving()
            with Connected(one.address) as client:
                client.create("/between")
            three.start()
            three.wait_serving()
            # Ours restarts, having forgotten the version, and is elected: it learns it from the votes.
            one.kill()
            three.kill()
            two.kill()
            ensemble.start([two, one])
            self.assertEqual(ensemble.wait_leader().sid, 2)
            ensemble.start([three])
            for server in ensemble.servers:
                with Connected(server.address) as client:
                    client.sync("/")
                    self.assertIsNotNone(client.exists("/before"))
                    self.assertIsNotNone(client.exists("/between"))
                    client.create("/after-%d" % server.sid)


class TwoApacheOursLeads(Mixed, unittest.TestCase):
    flavors = [APACHE, APACHE, OURS]


class TwoApacheApacheLeads(Mixed, unittest.TestCase):
    flavors = [OURS, APACHE, APACHE]


class TwoOursApacheLeads(Mixed, unittest.TestCase):
    flavors = [OURS, OURS, APACHE]


class TwoOursOursLeads(Mixed, unittest.TestCase):
    flavors = [APACHE, OURS, OURS]


class OursOnly(Mixed, unittest.TestCase):
    flavors = [OURS, OURS, OURS]


if __name__ == "__main__":
    unittest.main(verbosity=2)
