#!/usr/bin/python3
"""jute.maxbuffer of more than a megabyte: nodes of 3 MiB through an ensemble of Apache's servers and ours, and the data
directories afterwards; what is left of a limit that was larger once; and answers larger than the limit (docs/DIFFERENCES.md)."""
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

from raw_client import (CREATE, GET_CHILDREN, GET_DATA, SET_DATA, RawClient, create_body, set_data_body, watch_body)
from servers import APACHE, OURS, Ensemble, effective
from trees import Connected, differences, tree_of

HERE = os.path.dirname(os.path.abspath(__file__))
JARS = ":".join("/usr/share/java/%s.jar" % name for name in ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop"))
MIB = 1024 * 1024
DEFAULT = 0xfffff
LARGE = {"jute.maxbuffer": 4 * MIB}


def data_of(seed, size=3 * MIB):
    """Bytes that no compression and no shift hides."""
    return b"".join(struct.pack(">Q", (seed * 1000003 + i) * 0x9e3779b97f4a7c15 % 2**64) for i in range(size // 8))


class LargeRequests(unittest.TestCase):
    def write(self, server, path, seed):
        with Connected(server.address) as client:
            client.create(path, data_of(seed))

    def same_everywhere(self, ensemble, seeds):
        """Every server has the nodes, byte for byte."""
        for server in ensemble.servers:
            tree = tree_of(server)
            for path, seed in seeds.items():
                self.assertEqual(tree[path][0], data_of(seed), "%s at server %d" % (path, server.sid))

    def test_an_ensemble_of_both(self):
        with Ensemble([OURS, OURS, APACHE], **LARGE) as ensemble:
            one, two, three = ensemble.servers
            ensemble.start([three, one])
            self.assertEqual(ensemble.wait_leader().sid, 3)
            ensemble.start([two])
            self.write(one, "/by-a-follower-of-ours", 1)
            self.write(three, "/by-apaches-leader", 2)
            three.kill()
            self.assertEqual(ensemble.wait_leader().sid, 2)
            self.write(two, "/while-apaches-is-down", 3)
            with Connected(one.address) as client:
                client.create("/longest")
                with RawClient(one.client_port) as raw:
                    raw.connect()
                    longest = 4 * MIB - 8 - len(set_data_body("/longest"))
                    self.assertEqual(raw.call(1, SET_DATA, set_data_body("/longest", b"l" * longest))[2], 0)
                    raw.socket.sendall(struct.pack(">i", 4 * MIB + 1))  # one more
                    self.assertTrue(raw.is_closed())
                self.assertEqual(len(client.get("/while-apaches-is-down")[0]), 3 * MIB)
            three.start()
            three.wait_serving()
            self.write(three, "/by-a-follower-of-apaches", 4)
            # A follower with nothing: all of it comes in a snapshot of ours.
            three.kill()
            shutil.rmtree(os.path.join(three.data_dir, "version-2"))
            three.start()
            three.wait_serving()
            seeds = {"/by-a-follower-of-ours": 1, "/by-apaches-leader": 2, "/while-apaches-is-down": 3,
                     "/by-a-follower-of-apaches": 4}
            self.same_everywhere(ensemble, seeds)
            expected = tree_of(two)
            for server in ensemble.servers:
                server.stop()
            self.taken_over(ensemble, two, APACHE, expected)
            self.taken_over(ensemble, three, OURS, expected)

    def taken_over(self, ensemble, source, flavor, expected):
        """A server alone of this flavor begins with the files of `source`."""
        with Ensemble([flavor], standalone=True, **LARGE) as alone:
            shutil.copytree(os.path.join(source.data_dir, "version-2"), os.path.join(alone[1].data_dir, "version-2"))
            alone.start()
            self.assertEqual(differences(tree_of(alone[1]), expected), [], "%s's files read by %s" % (source.flavor, flavor))

    def with_a_smaller_limit(self, flavor):
        """The server, with a log that holds a larger txn than it would accept now."""
        ensemble = Ensemble([flavor], standalone=True, **LARGE)
        self.addCleanup(ensemble.__exit__, None, None, None)
        ensemble.start()
        self.write(ensemble[1], "/large", 5)
        with Connected(ensemble[1].address) as client:
            client.create("/small", b"behind it")
        ensemble[1].kill()
        ensemble.settings = {}
        ensemble.configure()
        ensemble[1].start()
        return ensemble[1]

    @unittest.skipUnless(effective(OURS) == OURS, "Apache's server does not start")
    def test_a_log_of_a_larger_limit_is_read(self):
        server = self.with_a_smaller_limit(OURS)
        server.wait_serving()
        with Connected(server.address) as client:
            self.assertEqual(client.get("/large")[0], data_of(5))
            self.assertEqual(client.get("/small")[0], b"behind it")
        with RawClient(server.client_port) as raw:
            raw.connect()
            raw.socket.sendall(struct.pack(">i", DEFAULT + 1))
            self.assertTrue(raw.is_closed())

    def test_apaches_server_does_not_start_with_it(self):
        server = self.with_a_smaller_limit(APACHE)
        server.process.wait(60)
        self.assertIn("Unreasonable length", server.log_tail(200))


class LargeAnswers(unittest.TestCase):
    """The limit is of requests. An answer may be larger, of both servers; what that is to a client depends on the client."""

    SIZE = DEFAULT - 8 - len(set_data_body("/data"))  # of the data that fill a request

    def large_answers(self, flavor):
        """{what was asked: the answer} of a server with the default limit."""
        with Ensemble([flavor], standalone=True) as ensemble:
            server = ensemble.start()[1]
            answers = {}
            with RawClient(server.client_port) as raw:
                raw.connect()
                self.assertEqual(raw.call(1, CREATE, create_body("/data"))[2], 0)
                self.assertEqual(raw.call(2, SET_DATA, set_data_body("/data", b"d" * self.SIZE))[2], 0)
                self.assertEqual(raw.call(3, CREATE, create_body("/many"))[2], 0)
                for i in range(110):
                    self.assertEqual(raw.call(4 + i, CREATE, create_body("/many/%04d" % i + "n" * 10000))[2], 0)
                answers["getData"] = raw.call(2000, GET_DATA, watch_body("/data"))
                answers["getChildren"] = raw.call(2001, GET_CHILDREN, watch_body("/many"))
            java = self.java(server)
            return answers, java

    def java(self, server):
        """What Apache's client makes of it, with its own limit left alone and with a larger one."""
        told = []
        for options in ([], ["-Djute.maxbuffer=4194304"]):
            done = subprocess.run(["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *options, "-cp",
                                   self.classes + ":" + JARS, "LargeAnswersProgram", server.address],
                                  capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            told.append(done.stdout.split("\n")[:-1])
        return told

    @classmethod
    def setUpClass(cls):
        cls.classes = tempfile.mkdtemp(prefix="zkinterop-")
        cls.addClassCleanup(shutil.rmtree, cls.classes)
        subprocess.run(["javac", "-cp", JARS, "-d", cls.classes, os.path.join(HERE, "LargeAnswersProgram.java")],
                       check=True, timeout=300)

    def test_both_servers_give_them(self):
        ours, java_of_ours = self.large_answers(OURS)
        apaches, java_of_apaches = self.large_answers(APACHE)
        for asked in ("getData", "getChildren"):
            xid, _, error, body = ours[asked]
            self.assertEqual((error, xid), (0, apaches[asked][0]))
            self.assertGreater(16 + len(body), DEFAULT)
            self.assertEqual(len(body), len(apaches[asked][3]))
        self.assertEqual(ours["getData"][3][:1000000], apaches["getData"][3][:1000000])  # behind it are times
        self.assertEqual(java_of_ours, java_of_apaches)
        exists = "exists %d" % self.SIZE
        self.assertEqual(java_of_ours, [["getData CONNECTIONLOSS", "getChildren CONNECTIONLOSS", exists],
                                        ["getData %d" % self.SIZE, "getChildren 110", exists]])


if __name__ == "__main__":
    unittest.main()
