#!/usr/bin/python3
"""A follower that was away comes back: by DIFF where the logs reach, and under writes behind a slow link.

bench/catch_up.py measures how fast, with larger trees.
"""
import os
import re
import shutil
import threading
import unittest

import namespaces
import raw_client

ABSENT_TXNS = 1500  # more than the 500 that a leader keeps in memory
LEADER_GROWS_KIB = 200 * 1024


def session(server):
    def connect():
        client = raw_client.RawClient(namespaces.CLIENT_PORT, timeout=60)
        client.connect(30000)
        return client
    return namespaces.within(server.namespace, connect)


def write(client, count, size, path="/load"):
    body = raw_client.set_data_body(path, b"w" * size)
    for first in range(0, count, 10):
        for xid in range(first, min(count, first + 10)):
            client.send(xid, raw_client.SET_DATA, body)
        for _ in range(first, min(count, first + 10)):
            assert client.read()[2] == 0


def sync_kinds(leader, sid):
    return [kind.upper() for kind in re.findall(r"leader\.sync sid=%d \S+ (\w+)" % sid, leader.log_text())]


@unittest.skipUnless(namespaces.available(), "needs root and network namespaces")
class CatchUp(unittest.TestCase):
    def test_many_txns_of_absence_are_a_diff(self):
        with namespaces.Ensemble(3, tickTime=1000, initLimit=10, syncLimit=5) as ensemble:
            ensemble.start()
            leader, follower = ensemble.wait_leader(), ensemble.followers()[-1]
            client = session(leader)
            client.call(1, raw_client.CREATE, raw_client.create_body("/load"))
            write(client, 100, 100)
            follower.stop()
            known = len(sync_kinds(leader, follower.sid))
            write(client, ABSENT_TXNS, 100)
            follower.start()
            follower.wait_serving(30)
            self.assertEqual(sync_kinds(leader, follower.sid)[known:], ["DIFF"])
            self.assert_same_data(leader, follower)

    def test_a_slow_empty_follower_gets_in_under_writes(self):
        with namespaces.Ensemble(3, tickTime=1000, initLimit=5, syncLimit=5) as ensemble:
            ensemble.start()
            leader, follower = ensemble.wait_leader(), ensemble.followers()[-1]
            client = session(leader)
            client.call(1, raw_client.CREATE, raw_client.create_body("/load"))
            for i in range(200):  # 20 MB: 8 s of the link below, which is more than initLimit
                error = client.call(i, raw_client.CREATE, raw_client.create_body("/n%d" % i, os.urandom(100000)))[2]
                self.assertEqual(error, 0)
            follower.stop()
            shutil.rmtree(os.path.join(follower.data_dir, "version-2"))
            ensemble.shape(follower, "20mbit")
            before = leader.resident_kib()[0]
            known = len(sync_kinds(leader, follower.sid))
            stopped = threading.Event()

            def load():  # about 1.5 MB/s
                while not stopped.is_set():
                    write(client, 15, 10000)
                    stopped.wait(0.1)

            writer = threading.Thread(target=load)
            writer.start()
            try:
                follower.start()
                follower.wait_serving(120)
            finally:
                stopped.set()
                writer.join()
            self.assertEqual(sync_kinds(leader, follower.sid)[known:], ["SNAP"])
            self.assertLess(leader.resident_kib()[1] - before, LEADER_GROWS_KIB)
            self.assert_same_data(leader, follower)

    def assert_same_data(self, leader, follower):
        answers = []
        for server in (leader, follower):
            with session(server) as client:
                self.assertEqual(client.call(1, raw_client.SYNC, raw_client.string("/load"))[2], 0)
                answers.append(client.call(2, raw_client.GET_DATA, raw_client.watch_body("/load"))[2:])
        self.assertEqual(answers[0], answers[1])


if __name__ == "__main__":
    unittest.main()
