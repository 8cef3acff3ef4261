#!/usr/bin/env python3
"""An inventory of one node: zkprov makes it a server alone, tells that it is well, and refuses what takes several nodes.

    ZKPROV_BIN=build/release/bin tests/interop/one_node_test.py
"""

import json
import os
import subprocess
import tempfile
import unittest

from identity_test import BIN, PATIENCE_S, free_ports
from servers import four_letter, wait_until
from trees import Connected


class OneNode(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zkprov-one-")
        self.port = free_ports(12)
        self.write_inventory("1")

    def tearDown(self):
        self.zkprov("stop")
        self.folder.cleanup()

    def write_inventory(self, ids, more=""):
        with open(os.path.join(self.folder.name, "inventory.yaml"), "w") as file:
            file.write("schema: zkprov/1\ncluster: one\ntransport: local\nbase_dir: nodes\nserver:\n%s"
                       "  client_port: %d\n  peer_port: %d\n  election_port: %d\nnodes:\n  - id: %s\n"
                       % (more, self.port, self.port + 3, self.port + 6, ids))

    def zkprov(self, *arguments):
        done = subprocess.run([BIN + "/zkprov", *arguments, "-i", os.path.join(self.folder.name, "inventory.yaml"),
                               "--release-dir", BIN], capture_output=True, text=True, timeout=PATIENCE_S * 2)
        return done.returncode, done.stdout + done.stderr

    def expect(self, code, *arguments):
        """Runs it, and gives what it says."""
        ended, text = self.zkprov(*arguments)
        self.assertEqual(ended, code, text)
        return text

    def status(self):
        done = subprocess.run([BIN + "/zkprov", "status", "-o", "json", "-i",
                               os.path.join(self.folder.name, "inventory.yaml")],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        return done.returncode, json.loads(done.stdout)

    def test_from_the_first_apply_on(self):
        self.assertIn("one: one server, alone (standalone)", self.expect(0, "plan"))
        self.assertIn("server 1 serves alone (standalone), bears no failure", self.expect(0, "apply"))
        self.assertIn("Mode: standalone", four_letter(self.port, "srvr"))
        self.assertIn("one  HEALTHY  standalone, bears no failure", self.expect(0, "status"))
        code, told = self.status()
        self.assertEqual((code, told["verdict"], told["failures_borne"]), (0, "healthy", 0))
        self.assertEqual((told["nodes"][0]["role"], told["nodes"][0]["in_sync"]), ("standalone", True))
        with Connected("127.0.0.1:%d" % self.port) as client:
            client.create("/kept", b"x")
        self.assertIn("no change", self.expect(0, "apply"))

        self.assertIn("node 1 is the only one", self.expect(8, "replace-node", "1"))
        self.write_inventory("1-3")
        self.assertIn("membership changes are not supported", self.expect(6, "apply"))
        self.write_inventory("1", more="  config: {maxClientCnxns: 77}\n")
        self.assertIn("its restart is an outage", self.expect(8, "apply"))
        self.assertEqual(self.status()[1]["verdict"], "healthy", "nothing was changed")

        self.expect(0, "stop")
        wait_until("nobody serves", lambda: self.status()[1]["verdict"] == "no_quorum")
        self.assertIn("serves alone", self.expect(0, "apply"))
        self.assertIn("maxClientCnxns=77", four_letter(self.port, "conf"))
        with Connected("127.0.0.1:%d" % self.port) as client:
            self.assertEqual(client.get("/kept")[0], b"x")


if __name__ == "__main__":
    unittest.main(verbosity=2)
