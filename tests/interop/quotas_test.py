#!/usr/bin/python3
"""Quotas: random requests around limits and counters to our server and to Apache's, with and without enforceQuota.

Counters are nodes that servers write by themselves: each is read again and again and must hold the same text and Stat.
"""
import unittest

import random_requests_test as base
from raw_client import *  # noqa: F403
from servers import APACHE, OURS, Ensemble

LIMITS = [b"", b"count=3,bytes=20", b"count=-1,bytes=-1=;byteHardLimit=12;countHardLimit=4", b"count=5,bytes=-1=;countHardLimit=6",
          b"count=1,bytes=1=;byteHardLimit=30", b"bytes=7;;byteHardLimit=9", b"count==", b"zzz", None, b",", b"countHardLimit=3"]
# Texts that nobody can read end Apache's server when the next node is counted; ours refuses them.
USED = [b"", b"count=0,bytes=0", b"count=5,bytes=3=;zz=1;aa=2", b"count=+7", b",;", b"bytes=-4,count=2"]


class QuotaRequests(base.Requests):
    def quota_path(self, end=None):
        path = "/zookeeper/quota" + self.top
        for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
            path += "/" + self.rng.choice(base.NAMES[:3])
        return path + (end if end is not None else self.rng.choice(["", "/zookeeper_limits", "/zookeeper_stats"]))

    def quota_request(self):
        rng = self.rng
        return rng.choice([
            lambda: (CREATE, create_body(self.quota_path(""))), lambda: (CREATE, create_body(self.quota_path(""))),
            lambda: (CREATE, create_body(self.quota_path("/zookeeper_limits"), rng.choice(LIMITS))),
            lambda: (CREATE, create_body(self.quota_path("/zookeeper_stats"), rng.choice(USED))),
            lambda: (CREATE, create_body(self.quota_path("/zookeeper_stats"), rng.choice(USED))),
            lambda: (SET_DATA, set_data_body(self.quota_path("/zookeeper_limits"), rng.choice(LIMITS))),
            lambda: (SET_DATA, set_data_body(self.quota_path("/zookeeper_stats"), rng.choice(USED))),
            lambda: (DELETE, version_body(self.quota_path())),
            lambda: (EXISTS, watch_body(self.quota_path("/zookeeper_stats"), True)),
            lambda: (CREATE, create_body(self.quota_path() + "/x")),
            lambda: (MULTI, multi_body((CREATE, create_body(self.quota_path("/zookeeper_limits"), rng.choice(LIMITS[:6]))),
                                       (CREATE, create_body(self.quota_path("/zookeeper_stats")))))])()

    def any(self):
        draw = self.rng.random()
        if draw < 0.3:
            return self.quota_request()
        if draw < 0.5:
            return (GET_DATA, watch_body(self.quota_path("/zookeeper_stats")))
        return super().any()


class Counted(base.RandomRequests):
    """Without enforceQuota, also in bursts: nothing is refused, all is counted."""
    source = QuotaRequests
    count = 12


class Enforced(Counted):
    settings = {**base.SETTINGS, "enforceQuota": "true"}
    # Apache's server looks at what happens to be applied.
    test_in_bursts = None


class CountedThroughAFollower(base.ThroughAFollower):
    """Not enforced: a follower answers before Apache's leader has applied, and that looks at what happens to be applied."""
    source = QuotaRequests


class Refused(unittest.TestCase):
    """What ends Apache's servers is refused by ours, and they go on."""

    def test_it_goes_on(self):
        with Ensemble([OURS], standalone=True) as ensemble:
            if ensemble.servers[0].flavor == APACHE:
                self.skipTest("it would end")
            ensemble.start()
            with RawClient(ensemble[1].client_port) as client:
                client.connect()
                for path in ("/zookeeper/quota/p", "/zookeeper/quota/p/zookeeper_limits", "/zookeeper/quota/p/zookeeper_stats"):
                    self.assertEqual(client.call(1, CREATE, create_body(path))[2], 0)
                for op, body in ((CREATE, create_body("/zookeeper/quota/zookeeper_limits")),
                                 (CREATE, create_body("/zookeeper/zookeeper_limits")),
                                 (SET_DATA, set_data_body("/zookeeper/quota/p/zookeeper_stats", b"zzz")),
                                 (SET_DATA, set_data_body("/zookeeper/quota/p/zookeeper_stats", None))):
                    self.assertEqual(client.call(2, op, body)[2], -8)
                self.assertEqual(client.call(3, CREATE, create_body("/p", b"12345"))[2], 0)
                self.assertEqual(client.call(4, GET_DATA, watch_body("/zookeeper/quota/p/zookeeper_stats"))[3][4:19],
                                 b"count=1,bytes=5")


if __name__ == "__main__":
    unittest.main(verbosity=2)
