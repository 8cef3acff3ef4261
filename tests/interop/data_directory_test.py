#!/usr/bin/python3
"""A data directory written by Apache's server opens in ours, and the other way round, again and again."""
import glob
import unittest

from kazoo.security import make_acl, make_digest_acl

from raw_client import CREATE, RawClient, create_body
from servers import APACHE, OURS, Ensemble, effective
from trees import Connected, differences, tree_of


class DataDirectory(unittest.TestCase):
    def fill(self, server, root):
        """Some of everything that a log and a snapshot can hold."""
        with Connected(server.address, auth_data=[("digest", "u:p")]) as client:
            client.create(root, b"root of " + root.encode())
            asked = [client.create_async(root + "/s-", b"%d" % i, sequence=True) for i in range(300)]
            asked += [client.set_async(root + "/s-%010d" % i, b"changed") for i in range(100)]
            asked += [client.delete_async(root + "/s-%010d" % i) for i in range(100, 150)]
            for answer in asked:
                answer.get(30)
            client.create(root + "/acl", b"", acl=[make_digest_acl("u", "p", all=True), make_acl("ip", "127.0.0.1", all=True)])
            client.set_acls(root + "/s-0000000200", [make_acl("world", "anyone", all=True), make_digest_acl("v", "q", read=True)])
            client.create(root + "/größe", "ü".encode())
            client.create(root + "/empty", b"")
            t = client.transaction()
            t.create(root + "/multi", b"m")
            t.create(root + "/multi/child")
            t.set_data(root + "/multi", b"mm")
            t.delete(root + "/s-0000000299")
            t.check(root, -1)
            t.commit()
            t = client.transaction()
            t.create(root + "/never")
            t.check(root, 99)
            t.commit()
            client.create(root + "/gone", ephemeral=True)

    def swap(self, order, **settings):
        with Ensemble([order[0]], **settings) as ensemble:
            server = ensemble[1]
            before = None
            for step, flavor in enumerate(order):
                server.flavor = effective(flavor)
                ensemble.configure()
                ensemble.start()
                if before is not None:
                    self.assertEqual(differences(before, tree_of(server)), [], "%s after %s" % (flavor, order[step - 1]))
                self.fill(server, "/step-%d-%s" % (step, flavor))
                before = tree_of(server)
                self.assertGreater(len(before), 240 * (step + 1))
                if step % 2 == 0:
                    server.kill()
                else:
                    server.stop()
            return glob.glob(server.data_dir + "/version-2/*")

    def test_logs_only(self):
        self.swap([APACHE, OURS, APACHE])

    def test_logs_only_ours_first(self):
        self.swap([OURS, APACHE, OURS])

    def test_snapshots(self):
        files = self.swap([APACHE, OURS, APACHE, OURS], snapCount=100)
        self.assertGreater(len([name for name in files if "snapshot." in name]), 4)

    def test_snapshots_ours_first(self):
        files = self.swap([OURS, APACHE, OURS], snapCount=100)
        self.assertGreater(len([name for name in files if "snapshot." in name]), 4)

    def test_sessions_and_ephemerals_are_taken_over(self):
        for first, second in ((APACHE, OURS), (OURS, APACHE)):
            with self.subTest(first), Ensemble([first]) as ensemble:
                server = ensemble.start()[1]
                with RawClient(server.client_port) as client:
                    client.connect(timeout_ms=20000)
                    self.assertEqual(client.call(1, CREATE, create_body("/e", b"x", flags=1))[2], 0)
                    client.close()
                server.kill()
                server.flavor = effective(second)
                ensemble.configure()
                ensemble.start()
                with RawClient(server.client_port) as again:
                    again.connect(timeout_ms=4000, session=client.session, password=client.password)
                    self.assertEqual(again.session, client.session, "%s knows the session of %s" % (second, first))
                    with Connected(server.address) as other:
                        self.assertEqual(other.exists("/e").ephemeralOwner, client.session)
                with Connected(server.address) as other:
                    self.assertIsNone(other.exists("/e"), "gone with its session")


if __name__ == "__main__":
    unittest.main(verbosity=2)
