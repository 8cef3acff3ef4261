#!/usr/bin/env python3
"""A node is replaced, and its old machine comes back: three real servers under their agents on this machine. A machine is a
node's folder; one that is switched off is moved away.

    ZKPROV_BIN=build/release/bin tests/interop/replaced_test.py
"""

import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import servers
from kazoo.client import KazooClient

BIN = os.path.dirname(os.path.abspath(servers.zkserver_path()))
PATIENCE_S = 120
MUST_NOT_START = 9
EXIT_PREFLIGHT = 6


class Stranger(http.server.ThreadingHTTPServer):
    """Answers at a member's address that every server was made anew."""

    def __init__(self, port, word):
        self.word = word
        super().__init__(("127.0.0.1", port), StrangerAnswers)
        self.asked = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class StrangerAnswers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        body = json.dumps(self.server.word).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Replaced(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="zkprov-replaced-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.agents = []
        self.addCleanup(self.stop_all)
        ports = servers.free_ports(12)
        self.ports = {node: ports[4 * node - 4:4 * node] for node in (1, 2, 3)}
        self.inventory = os.path.join(self.folder, "inventory.yaml")
        with open(self.inventory, "w", encoding="utf-8") as file:
            file.write("schema: zkprov/1\ncluster: twice\ntransport: local\nbase_dir: nodes\nnodes:\n")
            for node, (client, peer, election, page) in self.ports.items():
                file.write(f"  - {{id: {node}, client_port: {client}, peer_port: {peer}, election_port: {election}, "
                           f"agent: {{http: {{listen: loopback, port: {page}}}}}}}\n")
        self.run_zkprov(0, "apply", "--yes")
        self.write("/before")

    def stop_all(self):
        for node in (1, 2, 3):
            self.switch_off(node)
        for agent in self.agents:
            agent.wait(timeout=30)

    def zkprov(self, *words):
        done = subprocess.run([BIN + "/zkprov", *words, "-i", self.inventory], capture_output=True, text=True,
                              timeout=PATIENCE_S * 2, check=False)
        return done.returncode, done.stdout + done.stderr

    def run_zkprov(self, wanted, *words):
        code, text = self.zkprov(*words)
        self.assertEqual(code, wanted, f"{words}: {text}")
        return text

    def machine(self, node, *names):
        return os.path.join(self.folder, "nodes", f"node-{node}", *names)

    def read(self, node, name):
        with open(self.machine(node, "agent", name), encoding="utf-8") as file:
            return json.load(file)

    def pid(self, node, program):
        """Of a process that lives; None: there is none."""
        try:
            with open(self.machine(node, "agent", program + ".pid"), encoding="utf-8") as file:
                pid = int(file.read().split()[0])
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                ours = self.folder in file.read()
            return pid if ours and not servers.has_ended(pid) else None
        except (OSError, ValueError, IndexError):
            return None

    def end(self, node, *programs):
        for program in programs:
            pid = self.pid(node, program)
            if pid is None:
                continue
            os.kill(pid, signal.SIGKILL)
            # Not before it has given back its ports.
            servers.wait_until(f"{program} of {node} is gone", lambda pid=pid: servers.has_ended(pid))

    def switch_off(self, node):
        self.end(node, "agent", "server")

    def switch_on(self, node):
        """As a boot does: the agent starts, and the server when it should run."""
        log = open(self.machine(node, "agent", "agent.log"), "ab")
        with log:
            self.agents.append(subprocess.Popen(
                [BIN + "/zkprov-agent", "run", "--state-dir", self.machine(node, "agent")], stdout=log, stderr=log))

    def put_away(self, node, name):
        self.switch_off(node)
        os.rename(self.machine(node), os.path.join(self.folder, name))

    def bring_back(self, node, name):
        os.rename(os.path.join(self.folder, name), self.machine(node))
        self.switch_on(node)

    def client(self, node):
        client = KazooClient(hosts=f"127.0.0.1:{self.ports[node][0]}", timeout=20)
        client.start(timeout=60)
        return client

    def write(self, path, node=1):
        client = self.client(node)
        client.create(path, b"acknowledged")
        client.stop()
        client.close()

    def read_back(self, node, *paths):
        client = self.client(node)
        client.sync("/")
        for path in paths:
            self.assertEqual(client.get(path)[0], b"acknowledged", path)
        client.stop()
        client.close()

    def may_start(self, node):
        done = subprocess.run([BIN + "/zkprov-agent", "may-start", "--state-dir", self.machine(node, "agent")],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def refusal(self, node):
        path = self.machine(node, "agent", "start-refused.json")
        servers.wait_until(f"{node} is refused", lambda: os.path.exists(path), 60)
        return self.read(node, "start-refused.json")

    def serves(self, node):
        servers.wait_until(f"{node} serves", lambda: "follower" in self.mode(node) or "leader" in self.mode(node), 60)

    def mode(self, node):
        try:
            return servers.four_letter(self.ports[node][0], "srvr") or ""
        except OSError:
            return ""

    def replace_two(self):
        self.put_away(2, "old-2")
        text = self.run_zkprov(0, "replace-node", "2", "--yes")
        self.assertIn("is told that server 2 is incarnation 1", text)
        self.write("/after")

    def test_the_old_machine_is_refused_and_the_new_one_serves(self):
        self.assertNotIn("incarnation", self.read(2, "identity.json"), "it formed")
        self.replace_two()
        made = self.read(2, "identity.json")["incarnation"]
        self.assertEqual(made["number"], 1)
        with open(self.machine(2, "data", "zkprov.node"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["incarnation"], made)
        for node in (1, 3):
            self.assertEqual(self.read(node, "members.json")["members"], {"2": made})
        self.assertIn("no change", self.run_zkprov(0, "apply"))
        self.assertEqual(self.may_start(2)[0], 0)

        self.put_away(2, "new-2")
        self.bring_back(2, "old-2")
        refusal = self.refusal(2)
        self.assertIn("servers 1, 3 say: server 2 of twice was made anew as incarnation 1 (made ", refusal["words"])
        self.assertTrue(refusal["lasting"])
        code, words = self.may_start(2)
        self.assertEqual(code, MUST_NOT_START, words)
        self.assertIn("zkprov wipe 2, then zkprov replace-node 2", words)
        self.write("/while-the-old-one-is-back")
        self.assertIsNone(self.pid(2, "server"))
        code, text = self.zkprov("status")
        self.assertEqual(code, 20, text)
        self.assertIn("its server must not start: servers 1, 3 say", text)
        for words in (("apply", "--yes"), ("plan",), ("replace-node", "2", "--yes")):
            self.assertIn("this host was replaced: server 2 was made anew as incarnation 1",
                          self.run_zkprov(EXIT_PREFLIGHT, *words))
        code, text = self.zkprov("start")
        self.assertNotEqual(code, 0, text)
        self.assertIn("was made anew as incarnation 1", text)
        self.assertIsNone(self.pid(2, "server"))

        # A majority has said it: that the others are silent now changes nothing, also not after a boot.
        self.switch_off(2)
        self.end(1, "agent")
        self.end(3, "agent")
        code, words = self.may_start(2)
        self.assertEqual(code, MUST_NOT_START, words)
        self.assertIn("too few of the other members answer now", words)
        self.switch_on(2)
        time.sleep(6)  # longer than it asks
        self.assertIsNone(self.pid(2, "server"))
        self.switch_on(1)
        self.switch_on(3)

        self.put_away(2, "old-2")
        self.bring_back(2, "new-2")
        self.serves(2)
        self.read_back(2, "/before", "/after", "/while-the-old-one-is-back")
        self.assertIn("no change", self.run_zkprov(0, "apply"))

    def test_the_old_disk_in_the_new_machine(self):
        self.replace_two()
        self.switch_off(2)
        os.rename(self.machine(2, "data"), os.path.join(self.folder, "new-data"))
        shutil.copytree(os.path.join(self.folder, "old-2", "data"), self.machine(2, "data"))
        self.switch_on(2)
        self.assertIn("a disk of another time", self.refusal(2)["words"])
        self.assertIsNone(self.pid(2, "server"))
        self.assertIn("a disk of another time", self.run_zkprov(EXIT_PREFLIGHT, "apply", "--yes"))
        self.switch_off(2)
        shutil.rmtree(self.machine(2, "data"))
        os.rename(os.path.join(self.folder, "new-data"), self.machine(2, "data"))
        self.switch_on(2)
        self.serves(2)
        self.read_back(2, "/before", "/after")
        self.assertFalse(os.path.exists(self.machine(2, "agent", "start-refused.json")))

    def test_one_false_word_keeps_nobody_down(self):
        identity = self.read(1, "identity.json")
        false = {"number": 9, "id": "ffff", "made_at": 0}
        word = {"cluster": "twice", "sid": 1, "members_hash": "00", "machine": "", "nonce": "11",
                "generation": identity["generation"], "has_data": True, "serving": True,
                "remembers": {"2": false, "3": false}}
        self.end(1, "agent")
        stranger = Stranger(self.ports[1][3], word)
        self.addCleanup(stranger.server_close)
        self.addCleanup(stranger.shutdown)
        self.switch_off(3)
        self.switch_on(3)
        self.serves(3)
        self.assertGreater(stranger.asked, 0)
        self.assertEqual(self.may_start(3)[0], 0)
        # In the place of both others it keeps from starting whom it likes, and stops nobody: until one of the two is heard.
        self.end(2, "agent")
        other = Stranger(self.ports[2][3], dict(word, sid=2))
        self.addCleanup(other.server_close)
        self.assertEqual(self.may_start(3)[0], MUST_NOT_START)
        self.serves(3)
        other.shutdown()
        other.server_close()
        self.switch_on(2)
        servers.wait_until("3 may start again", lambda: self.may_start(3)[0] == 0, 60)


if __name__ == "__main__":
    unittest.main()
