#!/usr/bin/python3
"""A disk that is full for real: a small tmpfs, in a mount namespace that this test makes (root). The server acknowledges
nothing that it cannot keep, ends with a word that says why and what to do, and has everything that it acknowledged when there
is space again. Alone, and as one of three, where the two others go on meanwhile."""
import ctypes
import os
import subprocess
import unittest

import raw_client
from raw_client import CREATE, GET_DATA, RawClient, create_body, watch_body
from servers import OURS, Ensemble, wait_until
from trees import Connected, differences, tree_of

DISK_MIB = 8
NODE_BYTES = 60000
WRITES_MAX = 4 * (DISK_MIB << 20) // NODE_BYTES  # such a disk cannot hold a quarter of that
CLONE_NEWNS = 0x20000


def in_own_mounts():
    """From now on what this process and its children mount is seen by nobody else, and gone when they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: a mount namespace of its own")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class FullDisk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root mounts a disk to fill")
        in_own_mounts()

    def ensemble(self, flavors, **settings):
        """Whose server 1 has a small disk."""
        ensemble = Ensemble(flavors, preAllocSize=64, **settings)
        self.addCleanup(ensemble.__exit__, None, None, None)
        data = ensemble[1].data_dir
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % DISK_MIB, "zkprov-full", data], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", data], check=True)
        ensemble.configure()  # myid, in there
        ensemble.start()
        return ensemble

    def write_until_it_ends(self, server):
        """Paths that were acknowledged, and one that was not: the server had gone, or said that it did not."""
        acknowledged = []
        with RawClient(server.client_port) as client:
            client.connect(30000)
            try:
                for i in range(WRITES_MAX):
                    error = client.call(i + 1, CREATE, create_body("/w%d" % i, b"%07d" % i * (NODE_BYTES // 7)))[2]
                    self.assertEqual(error, 0)
                    acknowledged.append("/w%d" % i)
            except (raw_client.Closed, OSError):
                return acknowledged
            finally:
                client.close()
        self.fail("a disk of %d MiB took %d writes of %d bytes" % (DISK_MIB, WRITES_MAX, NODE_BYTES))

    def expect_told(self, server):
        """It has ended, not well, and its last words name the disk, the file and the way out."""
        wait_until("the server ends", lambda: not server.alive())
        self.assertEqual(server.process.returncode, 1)
        words = server.log_tail()
        self.assertIn("storage.disk_failed", words)
        self.assertIn(os.strerror(28), words)
        self.assertIn(server.data_dir, words)
        self.assertIn("free space there and start again", words)
        self.assertIsNone(server.word("ruok"), "nobody says imok")
        server.stop()

    def expect_kept(self, server, acknowledged):
        self.assertGreater(len(acknowledged), DISK_MIB)
        with RawClient(server.client_port) as client:
            client.connect(30000)
            for i, path in enumerate(acknowledged):
                error, body = client.call(i + 1, GET_DATA, watch_body(path))[2:]
                self.assertEqual(error, 0, path)
                self.assertIn(b"%07d" % i * 3, body[:64], path)

    def make_room(self, server):
        subprocess.run(["mount", "-o", "remount,size=%dm" % (4 * DISK_MIB), server.data_dir], check=True)

    def test_a_server_alone(self):
        ensemble = self.ensemble([OURS], standalone=True)
        server = ensemble[1]
        acknowledged = self.write_until_it_ends(server)
        self.expect_told(server)
        # Without space it has what it had, but no session, which is a txn too, unless there is room for just that.
        server.start()
        wait_until("it serves, or has ended", lambda: not server.alive() or server.mode())
        try:
            self.expect_kept(server, acknowledged)
            server.stop()
        except (raw_client.Closed, OSError):
            self.expect_told(server)
        self.make_room(server)
        ensemble.start()
        self.expect_kept(server, acknowledged)
        with Connected(server.address) as client:
            client.create("/again", b"there is room")

    def test_one_of_three(self):
        ensemble = self.ensemble([OURS] * 3)
        full, others = ensemble[1], ensemble.servers[1:]
        acknowledged = self.write_until_it_ends(full)
        self.expect_told(full)
        for server in others:
            server.wait_serving()
        ensemble.wait_leader()
        self.expect_kept(others[0], acknowledged)
        with Connected(others[1].address) as client:
            client.create("/without", b"written by two")
        self.make_room(full)
        full.start()
        full.wait_serving()
        self.expect_kept(full, acknowledged)
        self.assertEqual(differences(tree_of(full), tree_of(others[0])), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
