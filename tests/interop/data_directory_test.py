#!/usr/bin/python3
"""A data directory written by Apache's server opens in ours, and the other way round, again and again."""
import glob
import os
import pathlib
import shutil
import threading
import unittest

from kazoo.security import make_acl, make_digest_acl

from raw_client import CREATE, DELETE, SET_DATA, Closed, RawClient, create_body, set_data_body, version_body
from servers import APACHE, OURS, Ensemble, effective, wait_until
from trees import Connected, differences, tree_of


class Filled(unittest.TestCase):
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


class DataDirectory(Filled):
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


class MovedDirectory(Filled):
    """Between a server alone and an ensemble."""

    def epochs(self, server):
        """What the files say; None: there is no such file."""
        told = []
        for name in ("acceptedEpoch", "currentEpoch"):
            path = os.path.join(server.data_dir, "version-2", name)
            told.append(int(pathlib.Path(path).read_text()) if os.path.exists(path) else None)
        return told

    def zxid(self, server):
        line = [line for line in server.word("srvr").splitlines() if line.startswith("Zxid: ")][0]
        return int(line.split()[1], 16)

    def move(self, order, **settings):
        """One directory under servers of `order`, a flavor and whether it is alone each, whose writes each other reads."""
        with Ensemble([order[0][0]], **settings) as ensemble:
            server = ensemble[1]
            before, last, files = None, 0, [None, None]
            for step, (flavor, alone) in enumerate(order):
                now = "%s%s in step %d" % (flavor, " alone" if alone else "", step)
                server.flavor, ensemble.standalone = effective(flavor), alone
                ensemble.configure()
                ensemble.start()
                self.assertEqual(server.mode(), "standalone" if alone else "leader")
                if before is not None:
                    self.assertEqual(differences(before, tree_of(server)), [], now)
                self.fill(server, "/step-%d-%s" % (step, flavor))
                before, first, last = tree_of(server), last, self.zxid(server)
                self.assertGreater(last, first, now)
                if alone:
                    self.assertEqual(last >> 32, first >> 32, now + ": goes on in the epoch of the last txn")
                    self.assertEqual(self.epochs(server), files, now + ": leaves the epoch files as they are")
                else:
                    self.assertEqual(last >> 32, (first >> 32) + 1, now + ": begins an epoch")
                    self.assertEqual(self.epochs(server), [last >> 32] * 2, now)
                files = self.epochs(server)
                if step % 2 == 0:
                    server.kill()
                else:
                    server.stop()
                with open(os.path.join(server.folder, "server.log"), errors="replace") as log:
                    wrong = [line for line in log if "not matching" in line or "digest_mismatch" in line]
                self.assertEqual(wrong, [], now + ": digests")

    def test_from_alone_to_an_ensemble_and_back(self):
        self.move([(APACHE, True), (OURS, True), (OURS, False), (APACHE, True), (OURS, True), (APACHE, False), (OURS, True)])

    def test_from_an_ensemble_to_alone_and_back(self):
        self.move([(OURS, False), (OURS, True), (APACHE, False), (OURS, True), (APACHE, True), (OURS, False)])

    def test_snapshots_of_servers_alone(self):
        self.move([(OURS, True), (APACHE, True), (OURS, False), (APACHE, True), (OURS, True)], snapCount=100)

    # Clients that look for the members in it find the same on both.
    def test_the_configuration_that_an_ensemble_has_left(self):
        for filler in (APACHE, OURS):
            told = []
            for reader in (APACHE, OURS):
                with Ensemble([filler], snapCount=100) as ensemble:
                    server = ensemble.start()[1]
                    self.fill(server, "/filled")
                    server.stop()
                    server.flavor, ensemble.standalone = effective(reader), True
                    ensemble.configure()
                    ensemble.start()
                    with Connected(server.address) as client:
                        data, stat = client.get("/zookeeper/config")
                    told.append((data.count(b"server."), stat.version, stat.cversion, stat.numChildren))
            self.assertEqual(told[1], told[0], "written by " + filler)


class KilledDirectory(unittest.TestCase):
    """Of a server that was killed while it wrote: what both servers make of the same files."""

    ROUNDS = 2
    WRITERS = 4
    ACKNOWLEDGED = 200  # in a round: several snapshots of 100 txns

    def write(self, server, root, sent, acknowledged):
        """Creates, sets and deletes until the server is gone."""
        client = RawClient(server.client_port)
        try:
            client.connect(30000)
            for i in range(100000):
                path = "%s-%d" % (root, i)
                sent.add(path)
                if client.call(4 * i + 1, CREATE, create_body(path, b"%d" % i * 50))[2] == 0:
                    acknowledged.add(path)
                client.call(4 * i + 2, SET_DATA, set_data_body(path, b"changed"))
                client.call(4 * i + 3, CREATE, create_body(path + "/child", flags=1))
                client.call(4 * i + 4, DELETE, version_body(path + "/child"))
        except (Closed, OSError):
            pass
        finally:
            client.close()

    def round(self, ensemble, name):
        """Kills the server under load. Returns what was sent and what was acknowledged."""
        server = ensemble.start()[1]
        sent, acknowledged = [set() for _ in range(self.WRITERS)], [set() for _ in range(self.WRITERS)]
        writers = [threading.Thread(target=self.write, args=(server, "/%s-%d" % (name, i), sent[i], acknowledged[i]))
                   for i in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        try:
            wait_until("enough is written", lambda: sum(map(len, acknowledged)) >= self.ACKNOWLEDGED)
        finally:
            server.kill()
            for writer in writers:
                writer.join()
        return set().union(*sent), set().union(*acknowledged)

    def read(self, ensemble, flavor):
        """The tree as this server has it, its last zxid, and what its log says about digests."""
        server = ensemble[1]
        server.flavor = effective(flavor)
        ensemble.configure()
        ensemble.start()
        zxid = [line for line in server.word("srvr").splitlines() if line.startswith("Zxid: ")]
        tree = tree_of(server)
        server.kill()
        with open(os.path.join(server.folder, "server.log"), errors="replace") as log:
            wrong = [line for line in log if "not matching" in line or "digest_mismatch" in line]
        self.assertEqual(wrong, [], flavor + ": digests")
        return zxid, tree

    def exchange(self, writer, other):
        with Ensemble([writer], standalone=True, snapCount=100) as ensemble:
            server = ensemble[1]
            all_sent, kept = {"/", "/zookeeper", "/zookeeper/quota"}, set()
            for number in range(self.ROUNDS):
                server.flavor = effective(writer)
                ensemble.configure()
                sent, acknowledged = self.round(ensemble, "round-%d" % number)
                all_sent |= sent
                kept |= acknowledged
                files = server.data_dir + ".killed"
                shutil.copytree(server.data_dir, files)
                told = []
                for flavor in (writer, other):
                    shutil.rmtree(server.data_dir)
                    shutil.copytree(files, server.data_dir)
                    told.append(self.read(ensemble, flavor))
                shutil.rmtree(files)
                self.assertEqual(told[0][0], told[1][0], "the last zxid")
                self.assertEqual(differences(told[0][1], told[1][1]), [])
                tree = set(told[1][1])
                self.assertEqual(kept - tree, set(), "acknowledged by %s, and lost for %s" % (writer, other))
                self.assertEqual({path for path in tree if not path.endswith("/child")} - all_sent, set(), "nobody has sent that")
                # The next round goes on in what `other` has left.

    def test_apaches_files(self):
        self.exchange(APACHE, OURS)

    def test_our_files(self):
        self.exchange(OURS, APACHE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
