#!/usr/bin/env python3
"""Servers that come without a controller, on one machine: `zkprov-agent join` for each, in any order and cut off anywhere.

    ZKPROV_BIN=build/release/bin tests/interop/join_test.py
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import servers

BIN = os.path.dirname(os.path.abspath(servers.zkserver_path()))
PATIENCE_S = 240
NODES = (1, 2, 3)


class Join(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="zkprov-join-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.addCleanup(self.stop_all)
        ports = servers.free_ports(4 * len(NODES))
        self.inventory = os.path.join(self.folder, "inventory.yaml")
        with open(self.inventory, "w", encoding="utf-8") as file:
            file.write("schema: zkprov/1\ncluster: born\ntransport: local\nbase_dir: nodes\nnodes:\n")
            for index, node in enumerate(NODES):
                client, peer, election, http = ports[4 * index:4 * index + 4]
                file.write(f"  - {{id: {node}, client_port: {client}, peer_port: {peer}, election_port: {election}, "
                           f"agent: {{http: {{listen: loopback, port: {http}}}}}}}\n")
        self.joins = {}
        seed = int(os.environ.get("ZKPROV_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
        print(f"ZKPROV_SEED={seed}", file=sys.stderr)
        self.random = random.Random(seed)

    def stop_all(self):
        for join in self.joins.values():
            if join.poll() is None:
                join.kill()
            join.wait()
        self.zkprov("stop", "--yes")

    def state(self, node):
        return os.path.join(self.folder, "nodes", f"node-{node}", "agent")

    def switch_off(self, node):
        """Agent and server of a node end, the agent first: it would start the server again."""
        for program in ("agent", "server"):
            with open(os.path.join(self.state(node), program + ".pid"), encoding="utf-8") as file:
                pid = int(file.read().split()[0])
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                self.assertIn(self.folder, file.read())
            os.kill(pid, signal.SIGKILL)
            servers.wait_until(f"{program} of {node} is gone", lambda pid=pid: servers.has_ended(pid))

    def zkprov(self, *words):
        done = subprocess.run([BIN + "/zkprov", *words, "-i", self.inventory], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        return done.returncode, done.stdout + done.stderr

    def begin(self, node, *words):
        with open(os.path.join(self.folder, f"join-{node}.log"), "ab") as log:
            self.joins[node] = subprocess.Popen(
                [BIN + "/zkprov-agent", "join", "--inventory", self.inventory, "--node", str(node), *words],
                stdout=log, stderr=log)

    def log(self, node):
        with open(os.path.join(self.folder, f"join-{node}.log"), encoding="utf-8") as log:
            return log.read()

    def status(self, node, *words):
        return subprocess.run([BIN + "/zkprov-agent", "join-status", "--state-dir", self.state(node), *words],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def test_formed_in_any_order_and_cut_off_anywhere(self):
        for node in self.random.sample(NODES, len(NODES)):
            self.begin(node)
        for _ in range(8):
            time.sleep(self.random.uniform(0, 0.8))
            node = self.random.choice(NODES)
            self.joins[node].send_signal(signal.SIGKILL)
            self.joins[node].wait()
            self.begin(node)
        for node in NODES:
            ended = self.status(node, "--wait", f"{PATIENCE_S}s")
            self.assertEqual(ended.returncode, 0, ended.stdout + self.log(node))
            self.assertEqual(self.joins[node].wait(timeout=PATIENCE_S), 0, self.log(node))
        generations = set()
        for node in NODES:
            with open(os.path.join(self.state(node), "identity.json"), encoding="utf-8") as file:
                generations.add(json.load(file)["generation"])
        self.assertEqual(len(generations), 1, generations)
        code, text = self.zkprov("plan", "--exit-code")
        self.assertEqual(code, 0, text)
        # Once is enough.
        self.begin(2)
        self.assertEqual(self.joins[2].wait(timeout=PATIENCE_S), 0)
        self.assertIn("has joined before", self.log(2))

    def test_one_that_is_missing_is_named(self):
        self.begin(1, "--patience", "6s")
        self.begin(3)
        said = self.status(3, "--json", "--wait", "1s")
        self.assertEqual(said.returncode, 3, said.stdout)
        self.assertEqual(json.loads(said.stdout)["cluster"], "born")
        # Two at once would undo each other.
        again = subprocess.run([BIN + "/zkprov-agent", "join", "-i", self.inventory, "--node", "3"],
                               capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("another join runs on this host", again.stderr)
        self.assertEqual(self.joins[1].wait(timeout=PATIENCE_S), 4, self.log(1))
        self.assertIn("not answered", self.log(1))
        ended = self.status(1)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("server 1 of born: refuses: gave up after 6 s: server", ended.stdout)
        self.joins[3].terminate()
        self.assertEqual(self.joins[3].wait(timeout=PATIENCE_S), 1)

    def test_a_majority_installed_anew_is_told_whichever_asks_first(self):
        for node in NODES:
            self.begin(node)
        for node in NODES:
            self.assertEqual(self.joins[node].wait(timeout=PATIENCE_S), 0, self.log(node))
        lost = self.random.sample(NODES, 2)
        for node in lost:
            self.switch_off(node)
            shutil.rmtree(os.path.join(self.folder, "nodes", f"node-{node}"))
        for node in lost:
            self.begin(node)
            # The one that waits has looked around already when the other comes and refuses at once.
            time.sleep(self.random.uniform(1.5, 3))
        for node in lost:
            servers.wait_until(f"{node} ends: {self.log(node)}", lambda node=node: self.joins[node].poll() is not None, 60)
            self.assertEqual(self.joins[node].returncode, 4, self.log(node))
            self.assertIn("data are lost; a person decides", self.log(node))

    def test_mistakes(self):
        def join(*words):
            done = subprocess.run([BIN + "/zkprov-agent", "join", *words], capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
            return done.returncode, done.stderr
        self.assertEqual(join("-i", self.inventory)[0], 3)
        self.assertIn("say by --node N which of them is meant", join("-i", self.inventory)[1])
        self.assertEqual(join("-i", self.folder + "/missing")[0], 3)
        with open(self.inventory, "a", encoding="utf-8") as file:
            file.write("nodes: 7\n")
        code, text = join("-i", self.inventory, "--node", "1")
        self.assertEqual(code, 3)
        self.assertIn("inventory.yaml:", text)


if __name__ == "__main__":
    unittest.main()
