#!/usr/bin/python3
"""Servers that are known by name, and name servers that say nothing: in namespaces with hosts files of their own.

A lookup of an unknown name takes ten seconds there. The bounds are of liveness only.
"""
import time
import unittest

import namespaces
import raw_client
import servers
from outage_test import call

SERVE_SECONDS = 8


@unittest.skipUnless(namespaces.available(), "needs root and network namespaces")
class Names(unittest.TestCase):
    def await_service(self, server, seconds=SERVE_SECONDS):
        began = time.monotonic()
        servers.wait_until("server %d serves" % server.sid,
                           lambda: (call(server, raw_client.SYNC, raw_client.string("/")) or (1,))[0] == 0, seconds)
        print("server %d serves after %.1f s" % (server.sid, time.monotonic() - began))

    def test_a_peer_that_nobody_knows_delays_nobody(self):
        with namespaces.Ensemble(3, names=True, tickTime=1000, initLimit=20, syncLimit=5) as ensemble:
            ensemble.know(1, "192.168.6.137")
            ensemble.know(2, "192.168.6.138")
            ensemble[1].start()
            ensemble[2].start()
            self.await_service(ensemble[1])
            self.await_service(ensemble[2])

            # Its leader has gone and come back; the third is still unknown.
            ensemble[2].kill()
            ensemble[2].start()
            self.await_service(ensemble[2])
            self.await_service(ensemble[1])

            # Now it is known.
            ensemble.know(3, "192.168.6.139")
            ensemble[3].start()
            self.await_service(ensemble[3], 20)

            # It has moved to another address.
            ensemble[3].kill()
            namespace = ensemble[3].namespace
            namespaces.run("ip", "-n", namespace, "address", "del", "192.168.6.139/24", "dev", "eth0")
            namespaces.run("ip", "-n", namespace, "address", "add", "192.168.6.149/24", "dev", "eth0")
            ensemble.know(3, "192.168.6.149")
            ensemble[3].start()
            self.await_service(ensemble[3], 20)


if __name__ == "__main__":
    unittest.main()
