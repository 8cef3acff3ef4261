#!/usr/bin/python3
"""The stock Python client, kazoo, against one server: every operation it has that this server has too."""
import socket
import threading
import time
import unittest

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import (AuthFailedError, BadVersionError, InvalidACLError, NoAuthError, NoChildrenForEphemeralsError,
                              NodeExistsError, NoNodeError, NotEmptyError, RolledBackError,
                              RuntimeInconsistency)
from kazoo.protocol.states import EventType
from kazoo.security import ACL, Id, make_acl, make_digest_acl

from raw_client import CLOSE_SESSION, CREATE, RawClient, create_body
from servers import OURS, Ensemble, wait_until

LONG = 10


class Kazoo(unittest.TestCase):
    standalone = False
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble([OURS], standalone=cls.standalone, **cls.settings)
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.ensemble.start()
        cls.server = cls.ensemble[1]

    def client(self, **settings):
        client = KazooClient(hosts=self.server.address, timeout=settings.pop("timeout", 10.0), **settings)
        client.start(30)

        def end():
            client.stop()
            client.close()
        self.addCleanup(end)
        return client

    def setUp(self):
        self.zk = self.client()
        self.root = "/" + self.id().split(".")[-1]
        self.zk.create(self.root)

    def path(self, name):
        return self.root + "/" + name

    # Nodes

    def test_create_get_set_delete(self):
        zk, path = self.zk, self.path("a")
        self.assertEqual(zk.create(path, b"one"), path)
        data, stat = zk.get(path)
        self.assertEqual(data, b"one")
        self.assertEqual((stat.version, stat.cversion, stat.aversion, stat.ephemeralOwner, stat.dataLength,
                          stat.numChildren), (0, 0, 0, 0, 3, 0))
        self.assertEqual(stat.czxid, stat.mzxid)
        self.assertEqual(stat.czxid, stat.pzxid)
        self.assertLess(abs(stat.ctime - time.time() * 1000), 60000)
        changed = zk.set(path, b"four")
        self.assertEqual((changed.version, changed.dataLength), (1, 4))
        self.assertGreater(changed.mzxid, stat.mzxid)
        self.assertEqual(changed.czxid, stat.czxid)
        self.assertEqual(zk.exists(path), changed)
        zk.delete(path)
        self.assertIsNone(zk.exists(path))

    def test_create_with_stat(self):
        path, stat = self.zk.create(self.path("a"), b"data", include_data=True)
        self.assertEqual(path, self.path("a"))
        self.assertEqual((stat.dataLength, stat.version), (4, 0))
        self.assertEqual(self.zk.exists(path), stat)

    def test_errors(self):
        zk = self.zk
        zk.create(self.path("a"))
        zk.create(self.path("a/b"))
        for error, call in [
                (NodeExistsError, lambda: zk.create(self.path("a"))),
                (NoNodeError, lambda: zk.create(self.path("x/y"))),
                (NoNodeError, lambda: zk.get(self.path("x"))),
                (NoNodeError, lambda: zk.set(self.path("x"), b"")),
                (NoNodeError, lambda: zk.delete(self.path("x"))),
                (NoNodeError, lambda: zk.get_children(self.path("x"))),
                (NoNodeError, lambda: zk.get_acls(self.path("x"))),
                (NotEmptyError, lambda: zk.delete(self.path("a"))),
                (BadVersionError, lambda: zk.set(self.path("a"), b"", version=7)),
                (BadVersionError, lambda: zk.delete(self.path("a/b"), version=7)),
                (InvalidACLError, lambda: zk.create(self.path("q"), acl=[make_acl("nonsense", "x", all=True)])),
                (InvalidACLError, lambda: zk.create(self.path("q"), acl=[make_acl("auth", "", all=True)])),
        ]:
            self.assertRaises(error, call)
        self.assertEqual(zk.get_children(self.path("a")), ["b"])

    def test_versions_and_times(self):
        zk, path = self.zk, self.path("a")
        zk.create(path)
        for version in range(5):
            self.assertEqual(zk.set(path, b"%d" % version, version=version).version, version + 1)
        stat = zk.exists(path)
        zk.set(path, b"any")
        self.assertEqual(zk.exists(path).version, 6)
        self.assertEqual(zk.exists(path).ctime, stat.ctime)

    def test_children_and_parent_counters(self):
        zk = self.zk
        before = zk.exists(self.root)
        for name in "abc":
            zk.create(self.path(name))
        zk.delete(self.path("b"))
        children, stat = zk.get_children(self.root, include_data=True)
        self.assertEqual(sorted(children), ["a", "c"])
        self.assertEqual(stat.numChildren, 2)
        self.assertEqual(stat.cversion, before.cversion + 4)
        self.assertEqual(stat.mzxid, before.mzxid)
        self.assertGreater(stat.pzxid, zk.exists(self.path("c")).czxid)
        self.assertEqual(sorted(zk.get_children(self.root)), ["a", "c"])

    def test_null_and_empty_data(self):
        zk = self.zk
        zk.create(self.path("empty"), b"")
        self.assertEqual(zk.get(self.path("empty"))[0], b"")
        zk.set(self.path("empty"), b"x" * 100000)
        self.assertEqual(zk.get(self.path("empty"))[0], b"x" * 100000)

    def test_largest_node(self):
        size = 0xfffff - 200
        self.zk.create(self.path("big"), b"b" * size)
        self.assertEqual(len(self.zk.get(self.path("big"))[0]), size)

    def test_unicode_names(self):
        path = self.path("großer-knoten-日本")
        self.zk.create(path, "ü".encode())
        self.assertEqual(self.zk.get_children(self.root), ["großer-knoten-日本"])
        self.assertEqual(self.zk.get(path)[0], "ü".encode())

    def test_sequential_nodes(self):
        zk = self.zk
        self.assertEqual(zk.create(self.path("s-"), sequence=True), self.path("s-0000000000"))
        zk.create(self.path("plain"))
        self.assertEqual(zk.create(self.path("s-"), sequence=True), self.path("s-0000000002"))
        zk.delete(self.path("s-0000000002"))
        self.assertEqual(zk.create(self.path("t-"), sequence=True, ephemeral=True), self.path("t-0000000003"))

    def test_ensure_path_and_recursive_delete(self):
        self.zk.ensure_path(self.path("a/b/c/d"))
        self.zk.create(self.path("a/b/x"))
        self.zk.delete(self.path("a"), recursive=True)
        self.assertEqual(self.zk.get_children(self.root), [])

    def test_many_pipelined_requests_keep_their_order(self):
        path = self.path("counter")
        self.zk.create(path, b"")
        pending = []
        for i in range(500):
            pending.append((self.zk.set_async(path, b"%d" % i, version=i), self.zk.get_async(path)))
        for i, (written, read) in enumerate(pending):
            stat = written.get(LONG)
            data, seen = read.get(LONG)
            self.assertEqual((stat.version, data, seen.version), (i + 1, b"%d" % i, i + 1))

    def test_sync(self):
        self.assertEqual(self.zk.sync(self.root), self.root)
        written = self.zk.set_async(self.root, b"synced")
        self.zk.sync_async(self.root)
        data = self.zk.get_async(self.root)
        self.assertEqual(data.get(LONG)[0], b"synced")
        written.get(LONG)

    def test_built_in_nodes(self):
        zk = self.zk
        self.assertIn("zookeeper", zk.get_children("/"))
        self.assertEqual(sorted(zk.get_children("/zookeeper")), ["config", "quota"])
        config = zk.get("/zookeeper/config")[0]
        if self.standalone:
            self.assertEqual(config, b"")
        else:
            self.assertIn(b"server.1=127.0.0.1:", config)
        self.assertRaises(Exception, zk.delete, "/zookeeper/quota")
        self.assertIsNotNone(zk.exists("/zookeeper/quota"))

    # Transactions

    def test_transaction_commits_as_one(self):
        zk = self.zk
        zk.create(self.path("a"), b"1")
        zk.create(self.path("old"))
        t = zk.transaction()
        t.check(self.path("a"), 0)
        t.create(self.path("b"), b"2")
        t.create(self.path("b/s-"), sequence=True)
        t.set_data(self.path("a"), b"3", version=0)
        t.delete(self.path("old"))
        results = t.commit()
        self.assertEqual(results[0], True)
        self.assertEqual(results[1], self.path("b"))
        self.assertEqual(results[2], self.path("b/s-0000000000"))
        self.assertEqual(results[3].version, 1)
        self.assertEqual(results[4], True)
        self.assertEqual(zk.exists(self.path("a")).mzxid, zk.exists(self.path("b")).czxid)
        self.assertIsNone(zk.exists(self.path("old")))

    def test_transaction_fails_as_one(self):
        zk = self.zk
        zk.create(self.path("a"))
        before = zk.exists(self.root)
        t = zk.transaction()
        t.create(self.path("b"))
        t.set_data(self.path("a"), b"x", version=5)
        t.create(self.path("c"))
        results = t.commit()
        self.assertIsInstance(results[0], RolledBackError)
        self.assertIsInstance(results[1], BadVersionError)
        self.assertIsInstance(results[2], RuntimeInconsistency)
        self.assertEqual(zk.get_children(self.root), ["a"])
        self.assertEqual(zk.exists(self.root), before)
        self.assertEqual(zk.create(self.path("s"), sequence=True), self.path("s0000000001"))

    # Watches

    def events(self):
        seen = []
        return seen, lambda event: seen.append((event.type, event.path))

    def test_data_watch_fires_once(self):
        seen, watch = self.events()
        self.zk.create(self.path("a"))
        self.zk.get(self.path("a"), watch=watch)
        self.zk.set(self.path("a"), b"1")
        self.zk.set(self.path("a"), b"2")
        wait_until("an event", lambda: seen, LONG)
        time.sleep(0.2)
        self.assertEqual(seen, [(EventType.CHANGED, self.path("a"))])

    def test_exists_and_child_watches(self):
        seen, watch = self.events()
        self.assertIsNone(self.zk.exists(self.path("a"), watch=watch))
        self.zk.get_children(self.root, watch=watch)
        self.zk.create(self.path("a"))
        wait_until("two events", lambda: len(seen) == 2, LONG)
        self.assertEqual(seen, [(EventType.CREATED, self.path("a")), (EventType.CHILD, self.root)])
        del seen[:]
        self.zk.get(self.path("a"), watch=watch)
        self.zk.get_children(self.path("a"), watch=watch)
        self.zk.delete(self.path("a"))
        wait_until("an event", lambda: seen, LONG)
        time.sleep(0.2)
        self.assertIn((EventType.DELETED, self.path("a")), seen)

    def test_watch_of_another_client(self):
        seen, watch = self.events()
        self.zk.create(self.path("a"))
        other = self.client()
        other.get(self.path("a"), watch=watch)
        self.zk.set(self.path("a"), b"1")
        wait_until("an event", lambda: seen, LONG)

    def test_watch_recipes(self):
        path = self.path("watched")
        data, children = [], []
        self.zk.create(path, b"0")
        self.zk.DataWatch(path, lambda value, stat: data.append(value))
        self.zk.ChildrenWatch(path, lambda names: children.append(sorted(names)))
        for i in range(1, 4):
            self.zk.set(path, b"%d" % i)
            wait_until("the value", lambda: data[-1] == b"%d" % i, LONG)
        for name in ("x", "y"):
            self.zk.create(path + "/" + name)
        wait_until("the children", lambda: children[-1] == ["x", "y"], LONG)

    def test_watches_survive_a_lost_connection(self):
        seen, watch = self.events()
        for name in ("kept", "changed"):
            self.zk.create(self.path(name))
            self.zk.get(self.path(name), watch=watch)
        states = []
        self.zk.add_listener(states.append)
        # kazoo tells its watchers of lost connections itself, and sets nothing again: that is its recipes' work.
        self.zk._connection._socket.shutdown(socket.SHUT_RDWR)
        wait_until("a new connection", lambda: KazooState.CONNECTED in states, LONG)
        self.assertEqual(self.zk.get(self.path("kept"))[0], b"")

    # Sessions

    def test_ephemerals_go_with_their_session(self):
        other = self.client()
        other.create(self.path("e"), ephemeral=True)
        stat = self.zk.exists(self.path("e"))
        self.assertEqual(stat.ephemeralOwner, other.client_id[0])
        self.assertRaises(NoChildrenForEphemeralsError, other.create, self.path("e/child"))
        gone = threading.Event()
        self.zk.exists(self.path("e"), watch=lambda event: gone.set())
        other.stop()
        self.assertTrue(gone.wait(LONG))
        self.assertIsNone(self.zk.exists(self.path("e")))

    def test_session_is_taken_up_again(self):
        other = self.client()
        other.create(self.path("e"), ephemeral=True)
        session = other.client_id
        states = []
        other.add_listener(states.append)
        other._connection._socket.shutdown(socket.SHUT_RDWR)
        wait_until("a new connection", lambda: KazooState.CONNECTED in states, LONG)
        self.assertEqual(other.client_id, session)
        self.assertEqual(other.get(self.path("e"))[0], b"")
        again = self.client(client_id=session)
        self.assertEqual(again.client_id[0], session[0])
        self.assertEqual(again.exists(self.path("e")).ephemeralOwner, session[0])

    def test_wrong_password_is_an_expired_session(self):
        other = self.client()
        session = other.client_id[0]
        stranger = self.client(client_id=(session, b"\x01" * 16))
        self.assertNotEqual(stranger.client_id[0], session)

    def test_silent_session_expires(self):
        with RawClient(self.server.client_port) as other:
            other.connect(timeout_ms=2000)
            begun = time.monotonic()
            self.assertEqual(other.call(1, CREATE, create_body(self.path("e"), flags=1))[2], 0)
            wait_until("the ephemeral is gone", lambda: self.zk.exists(self.path("e")) is None, 15)
            self.assertGreater(time.monotonic() - begun, 2.0, "never early")
            self.assertTrue(other.is_closed())

    def test_lost_connection_is_no_lost_session(self):
        with RawClient(self.server.client_port) as other:
            other.connect(timeout_ms=4000)
            other.call(1, CREATE, create_body(self.path("e"), flags=1))
            other.close()
        time.sleep(1)
        self.assertIsNotNone(self.zk.exists(self.path("e")))
        with RawClient(self.server.client_port) as again:
            again.connect(session=other.session, password=other.password)
            self.assertEqual(again.session, other.session)
            self.assertEqual(again.call(1, CLOSE_SESSION)[2], 0)
            self.assertTrue(again.is_closed())
        self.assertIsNone(self.zk.exists(self.path("e")))

    def test_many_clients(self):
        clients = [self.client() for _ in range(30)]
        for i, client in enumerate(clients):
            client.create(self.path("c%02d" % i), ephemeral=True)
        self.assertEqual(len(self.zk.get_children(self.root)), 30)
        self.assertEqual(len({client.client_id[0] for client in clients}), 30)

    # Permissions

    def test_digest_acls(self):
        acl = make_digest_acl("alice", "secret", all=True)
        self.zk.create(self.path("closed"), b"hidden", acl=[acl])
        self.assertRaises(NoAuthError, self.zk.get, self.path("closed"))
        self.assertRaises(NoAuthError, self.zk.set, self.path("closed"), b"")
        self.assertRaises(NoAuthError, self.zk.create, self.path("closed/x"))
        self.assertRaises(NoAuthError, self.zk.get_children, self.path("closed"))
        other = self.client()
        other.add_auth("digest", "alice:secret")
        self.assertEqual(other.get(self.path("closed"))[0], b"hidden")
        other.create(self.path("closed/x"))
        self.assertEqual(other.get_acls(self.path("closed"))[0], [acl])

    def test_auth_scheme_and_set_acls(self):
        zk = self.client()
        zk.add_auth("digest", "bob:pw")
        zk.create(self.path("mine"), acl=[make_acl("auth", "", all=True)])
        acls, stat = zk.get_acls(self.path("mine"))
        self.assertEqual([a.id.scheme for a in acls], ["digest"])
        self.assertTrue(acls[0].id.id.startswith("bob:"))
        changed = zk.set_acls(self.path("mine"), [acls[0], make_acl("world", "anyone", read=True)])
        self.assertEqual((changed.aversion, changed.version), (1, 0))
        self.assertEqual(self.zk.get(self.path("mine"))[0], b"")
        shown = self.zk.get_acls(self.path("mine"))[0]
        self.assertIn("bob:x", [a.id.id for a in shown])
        self.assertRaises(BadVersionError, zk.set_acls, self.path("mine"), acls, version=0)
        self.assertRaises(NoAuthError, self.zk.set_acls, self.path("mine"), acls)

    def test_ip_acls(self):
        self.zk.create(self.path("here"), b"x", acl=[make_acl("ip", "127.0.0.0/8", all=True)])
        self.zk.create(self.path("there"), b"x", acl=[make_acl("ip", "10.1.1.1", all=True)])
        self.assertEqual(self.zk.get(self.path("here"))[0], b"x")
        self.assertRaises(NoAuthError, self.zk.get, self.path("there"))

    def test_delete_needs_permission_of_the_parent(self):
        self.zk.create(self.path("p"), acl=[ACL(perms=31 - 8, id=Id("world", "anyone"))])
        self.zk.create(self.path("p/c"))
        self.assertRaises(NoAuthError, self.zk.delete, self.path("p/c"))

    def test_unknown_auth_scheme_fails(self):
        other = self.client()
        self.assertRaises(AuthFailedError, other.add_auth, "nonsense", "x:y")

    # Recipes

    def test_lock_and_counter(self):
        counter = self.zk.Counter(self.path("counter"))

        def work(client):
            for _ in range(5):
                with client.Lock(self.path("lock"), "worker"):
                    c = client.Counter(self.path("counter"))
                    c += 1
        clients = [self.client() for _ in range(3)]
        threads = [threading.Thread(target=work, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(counter.value, 15)

    def test_election_and_queue(self):
        led = []
        election = self.zk.Election(self.path("election"), "me")
        election.run(lambda: led.append(1))
        self.assertEqual(led, [1])
        queue = self.zk.LockingQueue(self.path("queue"))
        queue.put_all([b"1", b"2"])
        self.assertEqual(queue.get(LONG), b"1")
        queue.consume()
        self.assertEqual(queue.get(LONG), b"2")

    # Four-letter words, as kazoo asks them

    def test_words(self):
        self.assertEqual(self.zk.command(b"ruok"), "imok")
        self.assertEqual(self.server.word("isro"), "rw")


class KazooSeveralLoops(Kazoo):
    """Clients are served by threads beside the core's."""
    settings = {"clientLoops": 2}


class KazooAlone(Kazoo):
    standalone = True

    def test_it_is_alone(self):
        self.assertEqual(self.server.mode(), "standalone")
        self.assertEqual(self.zk.client_id[0] >> 56, 1, "as Apache's")


if __name__ == "__main__":
    unittest.main(verbosity=2)
