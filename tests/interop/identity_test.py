#!/usr/bin/env python3
"""Whose server answers? Three real servers under their agents on this machine; then a myid is overwritten, two data
directories change places, a zoo.cfg gets another port, and a neighbour takes a port. No such server counts as the node on whose port it answers.

    ZKPROV_BIN=build/release/bin tests/interop/identity_test.py
"""

import errno
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from servers import is_ours_now

BIN = os.path.abspath(os.environ["ZKPROV_BIN"])
if os.path.isfile(BIN):  # the server, as other tests are told of it: the rest lies beside
    BIN = os.path.dirname(BIN)
PATIENCE_S = 90


def free_ports(count):
    """The first of `count` ports in a row that nobody has now."""
    for first in range(21000 + os.getpid() * 41 % 9000, 32000, count):
        sockets = []
        try:
            for port in range(first, first + count):
                if not is_ours_now(port):
                    raise OSError(errno.EADDRINUSE, "another test has chosen it")
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            pass
        finally:
            for s in sockets:
                s.close()
    raise AssertionError("no free ports")


class Neighbour(threading.Thread):
    """Answers `mntr` as the leader with the highest id would, on somebody else's port."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen()
        self.start()

    def run(self):
        answer = ("zk_version\t3.8.0\nzk_server_state\tfollower\nzk_last_zxid\t0x100000001\nzk_current_epoch\t1\n"
                  "zk_leader_id\t3\n")
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                if client.recv(4) == b"mntr":
                    client.sendall(answer.encode())

    def close(self):
        if self.socket.fileno() < 0:
            return
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join()


class Identity(unittest.TestCase):
    """Each case has an ensemble of its own: what one did to its servers is told of for ten minutes."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="zkprov-identity-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.port = free_ports(12)
        self.write(self.path("inventory.yaml"),
                   "schema: zkprov/1\ncluster: who\ntransport: local\nbase_dir: nodes\nserver:\n"
                   "  client_port: %d\n  peer_port: %d\n  election_port: %d\nnodes:\n  - id: 1-3\n"
                   % (self.port, self.port + 3, self.port + 6))
        self.addCleanup(self.zkprov, "stop")
        code, text = self.zkprov("apply")
        self.assertEqual(code, 0, text)
        self.wait_healthy()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def node(self, number, *names):
        return self.path("nodes", "node-%d" % number, *names)

    def zkprov(self, *arguments):
        done = subprocess.run([BIN + "/zkprov", *arguments, "-i", self.path("inventory.yaml"), "--release-dir", BIN],
                              capture_output=True, text=True, timeout=PATIENCE_S * 2)
        return done.returncode, done.stdout + done.stderr

    def status(self):
        done = subprocess.run([BIN + "/zkprov", "status", "-o", "json", "-i", self.path("inventory.yaml")],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, report["exit_code"])
        return report

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            report = self.status()
            if condition(report, {node["id"]: node for node in report["nodes"]}):
                return report
            self.assertLess(time.monotonic(), deadline, json.dumps(report, indent=1))
            time.sleep(0.3)

    def wait_healthy(self):
        return self.wait_for(lambda report, nodes: report["verdict"] == "healthy")

    def wait_well_again(self):
        """Where a server had to end several times: all is well but that this is told, which stays for ten minutes."""
        return self.wait_for(lambda report, nodes: report["verdict"] in ("healthy", "degraded") and all(
            node["in_sync"] and node["conflict"] is None and
            {finding["id"] for finding in node["findings"] if finding["level"] != "note"} <= {"server.restarts"}
            for node in nodes.values()) and all("times within 10 minutes" in reason for reason in report["reasons"]))

    def test_a_healthy_ensemble_speaks_with_its_own_ids(self):
        report = self.status()
        for node in report["nodes"]:
            self.assertEqual(node["answered_sid"], node["id"])
            self.assertIsNone(node["conflict"])
            self.assertNotEqual(node["zxid"], "0x0")

    def test_overwritten_myid(self):
        with open(self.node(1, "data", "myid"), "w") as file:
            file.write("2\n")
        # It still is server 1, but would not be when it starts again.
        report = self.wait_for(lambda report, nodes: report["verdict"] == "degraded")
        self.assertEqual(report["voters_in_sync"], 3)
        self.assertIn("myid says 2, this is server 1", report["reasons"][0])
        with open(self.node(1, "agent", "server.pid")) as file:
            os.kill(int(file.read().split()[0]), signal.SIGKILL)
        # The ports of server 2 are held by server 2: it cannot start.
        report = self.wait_for(lambda report, nodes: nodes[1]["conflict"] and not nodes[1]["in_sync"])
        self.assertEqual(report["verdict"], "degraded")
        self.assertEqual(report["nodes"][0]["conflict"]["kind"], "sid")
        self.assertTrue(any("myid says 2, this is server 1; write 1 into it" in reason for reason in report["reasons"]))
        code, text = self.zkprov("apply", "--yes")
        self.assertEqual(code, 6, text)
        with open(self.node(1, "data", "myid"), "w") as file:
            file.write("1\n")
        self.wait_well_again()

    def edit_inventory(self, more):
        """Another line for node 2; returns the text before."""
        with open(self.path("inventory.yaml")) as file:
            before = file.read()
        nodes = "nodes:\n  - id: 1\n  - id: 2\n%s  - id: 3\n" % more
        self.write(self.path("inventory.yaml"), before[:before.index("nodes:\n")] + nodes)
        return before

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def test_an_edited_inventory_is_no_conflict(self):
        before = self.edit_inventory("    peer_port: %d\n" % (self.port + 9))
        self.assertEqual(self.status()["verdict"], "healthy")
        self.write(self.path("inventory.yaml"), before)
        self.edit_inventory("    client_port: %d\n" % (self.port + 10))
        code, text = self.zkprov("apply", "--yes")
        self.assertEqual(code, 0, text)
        self.wait_healthy()
        self.write(self.path("inventory.yaml"), before)
        code, text = self.zkprov("apply", "--yes")
        self.assertEqual(code, 0, text)
        self.wait_healthy()

    def test_zoo_cfg_with_another_port(self):
        path = self.node(2, "conf", "zoo.cfg")
        with open(path) as file:
            text = file.read()
        line = "server.2=127.0.0.1:%d:"
        self.assertIn(line % (self.port + 4), text)
        # With another election port it would find no leader, and a server that looks for one does not tell its members.
        self.write(path, text.replace(line % (self.port + 4), line % (self.port + 11)))
        with open(self.node(2, "agent", "server.pid")) as file:
            os.kill(int(file.read().split()[0]), signal.SIGKILL)
        report = self.wait_for(lambda report, nodes: nodes[2]["health"] == "conflict")
        self.assertEqual(report["nodes"][1]["conflict"]["kind"], "address")
        self.assertFalse(report["nodes"][1]["in_sync"])
        code, text = self.zkprov("apply", "--yes")
        self.assertEqual(code, 0, text)
        self.wait_well_again()

    def swap(self):
        self.assertEqual(self.zkprov("stop")[0], 0)
        for name in ("data", "logs"):
            os.rename(self.node(1, name), self.node(1, name) + "-aside")
            os.rename(self.node(2, name), self.node(1, name))
            os.rename(self.node(1, name) + "-aside", self.node(2, name))
        self.assertEqual(self.zkprov("start")[0], 0)

    def test_two_disks_change_places(self):
        self.swap()
        # Each runs as the other, with the other's ports for its peers: together they are an ensemble that serves.
        report = self.wait_for(lambda report, nodes: nodes[1]["answered_sid"] == 2 and nodes[2]["answered_sid"] == 1)
        self.assertIn("have changed places", report["reasons"][0])
        self.assertLessEqual(report["voters_in_sync"], 1)
        for node in report["nodes"][:2]:
            self.assertEqual((node["health"], node["conflict"]["kind"], node["in_sync"], node["leader"], node["zxid"]),
                             ("conflict", "sid", False, None, None))
        for command in (("apply", "--yes"), ("replace-node", "1", "--yes")):
            code, text = self.zkprov(*command)
            self.assertEqual(code, 6, text)
            self.assertIn("nothing was changed", text)
        self.swap()
        self.wait_healthy()

    def test_a_neighbour_takes_the_port(self):
        self.assertEqual(self.zkprov("stop")[0], 0)
        neighbour = Neighbour(self.port + 1)
        self.addCleanup(neighbour.close)
        self.zkprov("start")
        report = self.wait_for(lambda report, nodes: report["leader"] == 3 and nodes[1]["in_sync"] and nodes[2]["conflict"])
        self.assertEqual(report["verdict"], "degraded")
        self.assertEqual(report["voters_in_sync"], 2)
        node = report["nodes"][1]
        self.assertEqual((node["health"], node["conflict"]["kind"]), ("conflict", "process"))
        self.assertIn("port %d is held by python3 (%d)" % (self.port + 1, os.getpid()), node["conflict"]["words"])
        code, text = self.zkprov("apply", "--yes")
        self.assertEqual(code, 6, text)
        self.wait_for(lambda report, nodes: "server.restarts" in {finding["id"] for finding in nodes[2]["findings"]})
        neighbour.close()
        self.wait_well_again()


if __name__ == "__main__":
    unittest.main(verbosity=2)
