#!/usr/bin/python3
"""A session goes on at another server: what its old connection still may do, on our servers as on Apache's."""
import unittest

from raw_client import *  # noqa: F403
from servers import APACHE, OURS, Ensemble

CLOSED = "closed"


class MovedSession(unittest.TestCase):
    def stories(self, flavor):
        with Ensemble([flavor] * 3) as ensemble:
            ensemble.start()
            leader, followers = ensemble.wait_leader(), ensemble.followers()
            return [self.story(old, new, name)
                    for name, old, new in (("fl", followers[0], leader), ("ff", followers[0], followers[1]))]

    def story(self, old, new, name):
        node, told = "/" + name, []
        requests = [(SET_DATA, set_data_body(node)), (MULTI, multi_body((SET_DATA, set_data_body(node)))),
                    (MULTI, multi_body((CREATE, create_body(node)))), (DELETE, version_body(node, 77)),
                    (SYNC, string("/")), (CREATE, b"")]
        for op, body in requests:
            with RawClient(old.client_port) as left, RawClient(new.client_port) as now:
                left.connect(20000)
                left.call(1, CREATE, create_body(node))
                now.connect(20000, session=left.session, password=left.password)
                self.assertEqual(now.session, left.session)
                told.append([op, left.call(2, EXISTS, watch_body("/"))[2], left.call(-2, PING)[0]])
                try:
                    told[-1].append(left.call(3, op, body)[2:])
                except Closed:
                    told[-1].append(CLOSED)
                told[-1].append(now.call(4, SET_DATA, set_data_body(node))[2])
        return told

    def test_old_connection_ends_with_its_first_write(self):
        told = self.stories(OURS)
        for story in told:
            self.assertEqual([line[3] for line in story[:4]], [CLOSED] * 4)
        self.assertEqual(told, self.stories(APACHE))


if __name__ == "__main__":
    unittest.main(verbosity=2)
