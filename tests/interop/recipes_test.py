#!/usr/bin/python3
"""All recipes of kazoo, each in two acts: against a server alone, and against an ensemble whose leader is killed between them.
kazoo_test.py has what they are made of."""
import threading
import unittest

from kazoo.client import KazooClient, KazooState
from kazoo.recipe.cache import TreeCache
from kazoo.recipe.watchers import ChildrenWatch, DataWatch

from servers import OURS, Ensemble, wait_until

PATIENCE_S = 60


class Background(threading.Thread):
    """A call that may block; its result, or what it raised, within PATIENCE_S."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.call = lambda: function(*arguments)
        self.result = self.failure = None
        self.start()

    def run(self):
        try:
            self.result = self.call()
        except Exception as e:  # of the recipe, told in get()
            self.failure = e

    def get(self):
        self.join(PATIENCE_S)
        if self.is_alive():
            raise AssertionError("it waits in vain")
        if self.failure is not None:
            raise self.failure
        return self.result


# A story is a generator: what comes before its `yield` is done before the leader is killed, the rest after it. `one` and `two`
# are clients with sessions of their own, which outlive it. A read may be behind what another client has written: sync first.

def barrier(case, one, two):
    closed = one.Barrier("/barrier")
    closed.create()
    yield
    case.assertIsNotNone(two.exists("/barrier"))
    waits = Background(two.Barrier("/barrier").wait, PATIENCE_S)
    closed.remove()
    case.assertTrue(waits.get())


def double_barrier(case, one, two):
    barriers = [client.DoubleBarrier("/double", 2, identifier) for client, identifier in ((one, "one"), (two, "two"))]
    for entering in [Background(each.enter) for each in barriers]:
        entering.get()
    case.assertEqual([each.participating for each in barriers], [True, True])
    yield
    for leaving in [Background(each.leave) for each in barriers]:
        leaving.get()
    one.sync("/")
    case.assertEqual(one.get_children("/double"), [])


def party(case, one, two, kind="Party"):
    path = "/" + kind
    first = getattr(one, kind)(path, "first")
    first.join()
    yield
    second = getattr(two, kind)(path, "second")
    # A shallow party knows its members from the names of their nodes.
    case.assertEqual([name.split("-")[-1] for name in second], ["first"])
    second.join()
    one.sync("/")
    case.assertEqual(len(first), 2)
    first.leave()
    two.sync("/")
    case.assertEqual([name.split("-")[-1] for name in second], ["second"])


def shallow_party(case, one, two):
    return party(case, one, two, "ShallowParty")


def semaphore(case, one, two):
    leases = [client.Semaphore("/semaphore", identifier, max_leases=2) for client, identifier in
              ((one, "one"), (two, "two"), (two, "three"))]
    case.assertTrue(leases[0].acquire(timeout=PATIENCE_S))
    case.assertTrue(leases[1].acquire(timeout=PATIENCE_S))
    yield
    case.assertFalse(leases[2].acquire(blocking=False))
    case.assertEqual(sorted(leases[2].lease_holders()), ["one", "two"])
    leases[0].release()
    case.assertTrue(leases[2].acquire(timeout=PATIENCE_S))


def read_and_write_locks(case, one, two):
    readers = [client.ReadLock("/shared", identifier) for client, identifier in ((one, "one"), (two, "two"))]
    for reader in readers:
        case.assertTrue(reader.acquire(timeout=PATIENCE_S))
    yield
    writer = two.WriteLock("/shared", "writer")
    case.assertFalse(writer.acquire(blocking=False))
    waits = Background(writer.acquire, True, PATIENCE_S)
    wait_until("the writer stands in line", lambda: len(writer.contenders()) == 3)
    for reader in readers:
        reader.release()
    case.assertTrue(waits.get())
    case.assertFalse(one.ReadLock("/shared", "late").acquire(blocking=False))
    writer.release()
    case.assertTrue(one.ReadLock("/shared", "later").acquire(timeout=PATIENCE_S))


def lock(case, one, two):
    held = one.Lock("/lock", "one")
    case.assertTrue(held.acquire(timeout=PATIENCE_S))
    yield
    other = two.Lock("/lock", "two")
    case.assertFalse(other.acquire(blocking=False))
    held.release()
    case.assertTrue(other.acquire(timeout=PATIENCE_S))


def counter(case, one, two):
    count = one.Counter("/counter", default=10)
    count += 2
    yield
    other = two.Counter("/counter", default=10)
    other -= 15
    one.sync("/")
    case.assertEqual(count.value, -3)


def queue(case, one, two):
    items = one.Queue("/queue")
    items.put(b"last", priority=200)
    items.put(b"first", priority=50)
    yield
    others = two.Queue("/queue")
    others.put(b"second")
    case.assertEqual([items.get(), others.get(), items.get(), others.get()], [b"first", b"second", b"last", None])


def locking_queue(case, one, two):
    items, others = one.LockingQueue("/locking"), two.LockingQueue("/locking")
    items.put_all([b"a", b"b"])
    case.assertEqual(items.get(PATIENCE_S), b"a")
    yield
    case.assertTrue(items.holds_lock())
    case.assertEqual(others.get(PATIENCE_S), b"b")
    case.assertTrue(items.consume())
    case.assertTrue(others.release())
    case.assertEqual(items.get(PATIENCE_S), b"b")
    case.assertTrue(items.consume())
    two.sync("/")
    case.assertEqual(len(others), 0)


def election(case, one, two):
    led, ends = [], [threading.Event(), threading.Event()]

    def lead(name, end):
        led.append(name)
        end.wait(PATIENCE_S)
    elections = [client.Election("/election", identifier) for client, identifier in ((one, "one"), (two, "two"))]
    running = [Background(elections[0].run, lead, "one", ends[0])]
    wait_until("one leads", lambda: led == ["one"])
    running.append(Background(elections[1].run, lead, "two", ends[1]))
    wait_until("two waits", lambda: elections[0].contenders() == ["one", "two"])
    yield
    case.assertEqual(led, ["one"])
    ends[0].set()
    wait_until("two leads", lambda: led == ["one", "two"], PATIENCE_S)
    ends[1].set()
    for each in running:
        each.get()


def tree_cache(case, one, two):
    two.create("/cached/below", b"1", makepath=True)
    cache = TreeCache(one, "/cached")
    cache.start()
    wait_until("the cache is filled", lambda: cache.get_data("/cached/below") is not None)
    case.assertEqual(cache.get_data("/cached/below").data, b"1")
    yield
    two.set("/cached/below", b"2")
    two.create("/cached/below/deep", b"3")
    wait_until("the change is there", lambda: cache.get_data("/cached/below").data == b"2", PATIENCE_S)
    wait_until("the new node is there", lambda: cache.get_children("/cached/below") == {"deep"}, PATIENCE_S)
    two.delete("/cached/below/deep")
    wait_until("it is gone", lambda: cache.get_data("/cached/below/deep") is None, PATIENCE_S)
    cache.close()


def watches(case, one, two):
    two.create("/watched", b"1")
    data, children = [], []
    DataWatch(one, "/watched", lambda value, stat: data.append(value))
    ChildrenWatch(one, "/watched", lambda names: children.append(sorted(names)))
    wait_until("both are told at first", lambda: (data, children) == ([b"1"], [[]]))
    yield
    two.set("/watched", b"2")
    two.create("/watched/child")
    wait_until("the data are told", lambda: data[-1] == b"2", PATIENCE_S)
    wait_until("the child is told", lambda: children[-1] == ["child"], PATIENCE_S)
    case.assertEqual((data, children), ([b"1", b"2"], [[], ["child"]]))
    two.delete("/watched", recursive=True)
    wait_until("the end is told", lambda: data[-1] is None, PATIENCE_S)


def lease(case, one, two):
    from datetime import timedelta
    hour = timedelta(hours=1)
    case.assertTrue(one.NonBlockingLease("/lease", hour, "one"))
    yield
    case.assertFalse(two.NonBlockingLease("/lease", hour, "two"))
    case.assertTrue(two.NonBlockingLease("/lease", hour, "one"))
    case.assertTrue(one.MultiNonBlockingLease(2, "/leases", hour, "one"))
    case.assertTrue(two.MultiNonBlockingLease(2, "/leases", hour, "two"))
    case.assertFalse(two.MultiNonBlockingLease(2, "/leases", hour, "three"))


STORIES = [barrier, double_barrier, party, shallow_party, semaphore, read_and_write_locks, lock, counter, queue, locking_queue,
           election, tree_cache, watches, lease]


class Recipes(unittest.TestCase):
    def connect(self, hosts):
        client = KazooClient(hosts=hosts, timeout=20.0)
        client.start(40)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        return client

    def started(self, ensemble):
        self.addCleanup(ensemble.__exit__, None, None, None)
        return ensemble.start()

    def play(self, ensemble, between):
        one, two = self.connect(ensemble.hosts()), self.connect(ensemble.hosts())
        sessions = [client.client_id for client in (one, two)]
        under_way = []
        for story in STORIES:
            acts = story(self, one, two)
            with self.subTest(story.__name__, act=1):
                next(acts)
                under_way.append((story.__name__, acts))
        self.assertEqual(len(under_way), len(STORIES))
        between(one, two)
        for name, acts in under_way:
            with self.subTest(name, act=2):
                self.assertEqual(list(acts), [])
        self.assertEqual([client.client_id for client in (one, two)], sessions)

    def test_a_server_alone(self):
        self.play(self.started(Ensemble([OURS], standalone=True)), lambda one, two: None)

    def test_an_ensemble_that_loses_its_leader(self):
        ensemble = self.started(Ensemble([OURS] * 3))

        def kill_the_leader(one, two):
            states = {client: [] for client in (one, two)}
            for client, seen in states.items():
                client.add_listener(seen.append)
            leader = ensemble.wait_leader()
            leader.kill()
            self.assertNotEqual(ensemble.wait_leader().sid, leader.sid)
            # A server without a leader lets its clients go, so both have been without a connection.
            for seen in states.values():
                wait_until("a client was away and is back", lambda seen=seen: seen[1:] and seen[-1] == KazooState.CONNECTED)
                self.assertNotIn(KazooState.LOST, seen)
        self.play(ensemble, kill_the_leader)


if __name__ == "__main__":
    unittest.main()
