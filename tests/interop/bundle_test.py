#!/usr/bin/env python3
"""The file that `zkprov bundle` writes is all that an apply needs: unpacked, and installed by its install.sh, too. It is what
`zkprov cloud-init --embed` puts into the user-data.

    ZKPROV_BIN=build/release/bin tests/interop/bundle_test.py
"""

import base64
import filecmp
import gzip
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import servers

BIN = os.path.dirname(os.path.abspath(servers.zkserver_path()))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 180


class Bundle(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="zkprov-bundle-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        # Alone in its folder, so that no program beside it can stand in for one of the bundle.
        os.mkdir(self.path("alone"))
        shutil.copy2(BIN + "/zkprov", self.path("alone"))
        ports = servers.free_ports(9)
        with open(self.path("inventory.yaml"), "w") as file:
            file.write("schema: zkprov/1\ncluster: bundled\ntransport: local\nbase_dir: nodes\nnodes:\n")
            for i in range(3):
                file.write("  - {id: %d, client_port: %d, peer_port: %d, election_port: %d}\n"
                           % (i + 1, *ports[3 * i:3 * i + 3]))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def zkprov(self, verb, *arguments):
        done = subprocess.run([self.path("alone", "zkprov"), verb, *arguments],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        return done.returncode, done.stdout + done.stderr

    def on_nodes(self, verb, release, *arguments):
        return self.zkprov(verb, "-i", self.path("inventory.yaml"), "--release-dir", self.path(release), *arguments)

    def test_unpacked_and_installed(self):
        code, text = self.zkprov("bundle", self.path("b.tar"), "--release-dir", BIN)
        self.assertEqual(code, 0, text)
        os.mkdir(self.path("b"))
        subprocess.run(["tar", "-xf", self.path("b.tar"), "-C", self.path("b")], check=True)
        code, text = self.on_nodes("apply", "alone", "--yes")
        self.assertNotEqual(code, 0, text)
        self.assertIn(self.path("alone", "zkserver"), text)

        self.addCleanup(self.on_nodes, "stop", "b", "--yes")
        code, text = self.on_nodes("apply", "b", "--yes")
        self.assertEqual(code, 0, text)
        code, text = self.on_nodes("status", "b")
        self.assertEqual(code, 0, text)
        for node in "123":
            server = self.path("nodes", "node-" + node, "current", "bin", "zkserver")
            self.assertTrue(filecmp.cmp(server, self.path("b", "zkserver"), shallow=False), server)

        subprocess.run(["sh", self.path("b", "install.sh"), self.path("installed")], check=True)
        code, text = self.on_nodes("apply", "installed", "--yes")
        self.assertEqual(code, 0, text)
        self.assertIn("no change", text)

        shutil.copytree(self.path("b"), self.path("less"))
        os.remove(self.path("less", "zkserver"))
        code, text = self.on_nodes("apply", "less", "--yes")
        self.assertNotEqual(code, 0, text)
        self.assertIn(self.path("less", "zkserver"), text)

    def cloud_init(self, *arguments):
        inventory = os.path.join(ROOT, "inventory", "examples", "cloud-init.yaml")
        return subprocess.run([BIN + "/zkprov", "cloud-init", inventory, *arguments], capture_output=True, text=True,
                              timeout=PATIENCE_S)

    def test_within_user_data(self):
        code, text = self.zkprov("bundle", self.path("b.tar"), "--release-dir", BIN)
        self.assertEqual(code, 0, text)
        done = self.cloud_init("--embed", "--release-dir", BIN)
        self.assertEqual(done.returncode, 0, done.stderr)
        packed = re.search(r"encoding: gz\+b64\n +content: (\S+)\n", done.stdout).group(1)
        with open(self.path("b.tar"), "rb") as file:
            self.assertEqual(gzip.decompress(base64.b64decode(packed)), file.read())
        self.assertIn("sha256='" + text.split()[0] + "'", done.stdout)
        self.assertIn("user-data of %d bytes" % len(done.stdout.encode()), done.stderr)
        self.assertIn("some clouds take no more than 16384 bytes", done.stderr)

    def test_user_data_for_programs(self):
        plain = self.cloud_init("--image", "/opt/zkprov.tar")
        self.assertEqual(plain.returncode, 0, plain.stderr)
        self.assertNotIn("warning", plain.stderr)
        report = json.loads(self.cloud_init("--image", "/opt/zkprov.tar", "-o", "json").stdout)
        self.assertEqual(report["schema"], "zkprov.cloud-init/1")
        self.assertEqual(base64.b64decode(report["user_data_base64"]).decode(), plain.stdout)
        self.assertEqual(report["bytes"], len(plain.stdout.encode()))
        refused = self.cloud_init("--image", "/opt/zkprov.tar", "--node", "4")
        self.assertEqual((refused.returncode, refused.stdout), (3, ""))
        self.assertIn("there is no node 4", refused.stderr)


if __name__ == "__main__":
    unittest.main()
