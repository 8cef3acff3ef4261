#!/usr/bin/python3
"""An outage of the network, in namespaces: after it, all serve again soon, and nothing was lost meanwhile.

The bound is one of liveness only; bench/outage.py measures how long it takes.
"""
import time
import unittest

import namespaces
import raw_client
import servers

CUT_SECONDS = 13  # longer than syncLimit: every server notices
SERVE_SECONDS = 15


def call(server, op, body):
    """(error, body), or None when the server does not serve."""
    def attempt():
        try:
            client = raw_client.RawClient(namespaces.CLIENT_PORT, timeout=3)
        except OSError:
            return None
        try:
            client.connect()
            return client.call(1, op, body)[2:]
        except (OSError, raw_client.Closed, IndexError, ValueError):
            return None
        finally:
            client.close()
    return namespaces.within(server.namespace, attempt)


@unittest.skipUnless(namespaces.available(), "needs root and network namespaces")
class Outage(unittest.TestCase):
    def run_case(self, targets):
        with namespaces.Ensemble(3, tickTime=1000, initLimit=10, syncLimit=5) as ensemble:
            ensemble.start()
            self.assertEqual(call(ensemble[1], raw_client.CREATE, raw_client.create_body("/outage", b"before"))[0], 0)
            cut = targets(ensemble)
            for server in cut:
                ensemble.cut(server)
            time.sleep(CUT_SECONDS)
            for server in cut:
                self.assertIsNone(server.mode(), "a server without its peers serves nobody")
            for server in cut:
                ensemble.heal(server)
            healed = time.monotonic()
            for server in ensemble.servers:
                servers.wait_until("server %d writes again" % server.sid, lambda server=server: (
                    call(server, raw_client.SET_DATA,
                         raw_client.set_data_body("/outage", b"by %d" % server.sid)) or (1,))[0] == 0, SERVE_SECONDS)
            print("all write %.1f s after the heal" % (time.monotonic() - healed))
            for server in ensemble.servers:
                self.assertEqual(call(server, raw_client.SYNC, raw_client.string("/"))[0], 0)
                error, body = call(server, raw_client.GET_DATA, raw_client.watch_body("/outage"))
                self.assertEqual((error, body[4:8]), (0, b"by 3"))

    def test_all_are_cut_off(self):
        self.run_case(lambda ensemble: ensemble.servers)

    def test_the_leader_is_cut_off(self):
        self.run_case(lambda ensemble: [ensemble.wait_leader()])


if __name__ == "__main__":
    unittest.main()
