#!/usr/bin/env python3
"""How is each node? Three real servers under their agents on this machine; then one is stopped, held by a debugger's signal,
killed again and again, loses its disk to somebody's file, has a slow one or one that does not answer, or has its files
changed: the right verdict, with what shows it, within two looks, and no server ended for it. The same with Apache's server.

    ZKPROV_BIN=build/release/bin tests/interop/health_test.py
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import disks
import identity_test
import servers

BIN = identity_test.BIN
PATIENCE_S = 60
DISK_MIB = 600
SLOW_WRITES_PER_S = 4


class Writer:
    """Writes again and again from a thread of its own until it is told to end."""

    def __init__(self, port):
        from kazoo.client import KazooClient
        self.client = KazooClient(hosts="127.0.0.1:%d" % port, timeout=10)
        self.client.start(timeout=PATIENCE_S)
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        from kazoo.exceptions import KazooException
        self.client.ensure_path("/slow")
        while not self.ends.is_set():
            try:
                self.client.set("/slow", b"x")
            except KazooException:
                self.ends.wait(0.1)

    def end(self):
        self.ends.set()
        self.thread.join(PATIENCE_S)
        self.client.stop()
        self.client.close()


class Health(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="zkprov-health-")
        cls.port = port = identity_test.free_ports(12)
        os.makedirs(cls.node(3))
        os.makedirs(cls.node(2))
        cls.loop = None
        try:
            cls.loop = disks.LoopDisk(cls.node(2), 1024)
        except (OSError, subprocess.CalledProcessError) as error:
            print("no loop device: %s" % error, file=sys.stderr)
        # A disk of its own that can be filled, where this user may mount one.
        cls.disk = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % DISK_MIB, "zkprov-health", cls.node(3)],
                                  capture_output=True).returncode == 0
        with open(cls.path("inventory.yaml"), "w") as file:
            file.write("schema: zkprov/1\ncluster: well\ntransport: local\nbase_dir: nodes\nserver:\n"
                       "  client_port: %d\n  peer_port: %d\n  election_port: %d\n"
                       "  config: { preAllocSize: 1024 }\nnodes:\n  - id: 1-3\n" % (port, port + 3, port + 6))
        done = cls.zkprov("apply", "--release-dir", BIN)
        if done.returncode != 0:
            cls.tearDownClass()
            raise AssertionError(done.stdout + done.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.zkprov("stop")
        if cls.disk:
            subprocess.run(["umount", cls.node(3)], check=True)
        if cls.loop:
            cls.loop.end()
        cls.folder.cleanup()

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.folder.name, *names)

    @classmethod
    def node(cls, number, *names):
        return cls.path("nodes", "node-%d" % number, *names)

    @classmethod
    def zkprov(cls, *arguments):
        return subprocess.run([BIN + "/zkprov", *arguments, "-i", cls.path("inventory.yaml")], capture_output=True,
                              text=True, timeout=PATIENCE_S * 2)

    def agent(self, number):
        """What the node's agent says; `source` tells that it was the resident one."""
        done = subprocess.run([BIN + "/zkprov-agent", "status", "--json", "--state-dir", self.node(number, "agent")],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        health = json.loads(done.stdout)
        self.assertEqual(health["source"], "agent", health)
        return health

    def await_health(self, number, condition, patience_s=PATIENCE_S):
        """The first health that fits, and after how long."""
        began = time.monotonic()
        while True:
            health = self.agent(number)
            took = time.monotonic() - began
            if condition(health):
                return health, took
            self.assertLess(took, patience_s, json.dumps(health, indent=1))
            time.sleep(0.05)

    def finding(self, health, wanted):
        return next((finding for finding in health.get("findings", []) if finding["id"] == wanted), None)

    def await_finding(self, number, wanted, level=None, patience_s=PATIENCE_S):
        """At that level where one is given: an agent that looks on may well have told a lower one on the way."""
        def found(health):
            finding = self.finding(health, wanted)
            return finding and level in (None, finding["level"])
        health, took = self.await_health(number, found, patience_s)
        return health, self.finding(health, wanted), took

    def tell_soon(self, what, took):
        print("\n  %s after %.2f s" % (what, took), file=sys.stderr)

    def await_serving(self, number):
        return self.await_health(number, lambda health: health["verdict"] == "serving" and not health["reasons"])[0]

    def setUp(self):
        """All is well, but for what is remembered for ten minutes: that a case before made a server end several times."""
        for number in (1, 2, 3):
            self.await_health(number, lambda health: health["verdict"] == "serving" and {
                finding["id"] for finding in health.get("findings", []) if finding["level"] != "note"} <= {"server.restarts"})

    def test_a_server_says_how_its_disk_and_its_descriptors_are(self):
        for number in (1, 2, 3):
            health = self.await_serving(number)
            self.assertGreater(health["open_files"], 3)
            self.assertGreater(health["open_files_max"], health["open_files"])
            self.assertGreaterEqual(health["snapshots"], 1)
            self.assertNotEqual(health.get("zxid"), 0)
            self.assertEqual([f for f in health["findings"] if f["level"] != "note"], [])

    def test_a_stopped_server_is_stuck_and_goes_on(self):
        pid = self.agent(1)["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            health, finding, took = self.await_finding(1, "server.frozen", "critical")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.tell_soon("a stopped server is told", took)
        self.assertEqual(health["verdict"], "stuck")
        self.assertIn("kill -CONT %d" % pid, finding["words"])
        after = self.await_serving(1)
        self.assertEqual(after["pid"], pid, "nobody ended it for that")

    def test_a_killed_server_is_down_and_comes_back(self):
        pid = self.agent(2)["pid"]
        os.kill(pid, signal.SIGKILL)
        _, took = self.await_health(2, lambda health: health["pid"] != pid or health["verdict"] != "serving")
        self.tell_soon("a killed server is told", took)
        self.assertNotEqual(self.await_serving(2)["pid"], pid)

    def test_changed_files_are_named(self):
        path = self.node(1, "conf", "zoo.cfg")
        if not os.path.exists(path):
            path = subprocess.run(["find", self.node(1), "-name", "zoo.cfg"], capture_output=True,
                                  text=True).stdout.split("\n")[0]
        with open(path) as file:
            before = file.read()
        with open(path, "a") as file:
            file.write("# edited by hand\n")
        try:
            _, finding, _ = self.await_finding(1, "files.drift")
            self.assertEqual(finding["subject"], path)
            report = json.loads(self.zkprov("status", "-o", "json").stdout)
            self.assertEqual(report["verdict"], "degraded")
            self.assertIn("files.drift", [f["id"] for f in report["nodes"][0]["findings"]])
        finally:
            with open(path, "w") as file:
                file.write(before)
        self.await_serving(1)

    def test_a_disk_that_is_full(self):
        if not self.disk:
            self.skipTest("only root mounts a disk to fill")
        ballast = self.node(3, "ballast")
        try:
            with open(ballast, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, (DISK_MIB - 256) << 20)
                _, finding, _ = self.await_finding(3, "disk.space", "warning")
                self.assertLess(finding["value"], finding["limit"])
                file.seek(0, os.SEEK_END)
                with self.assertRaises(OSError):
                    while True:
                        file.write(b"\0" * (1 << 20))
            _, finding, took = self.await_finding(3, "disk.space", "critical")
            self.tell_soon("a full disk is told", took)
            self.assertLess(finding["value"], finding["limit"])
        finally:
            os.unlink(ballast)
        self.await_health(3, lambda health: not self.finding(health, "disk.space"))
        self.await_health(3, lambda health: health["verdict"] == "serving")

    def test_a_slow_disk(self):
        if not self.loop or not self.loop.slow(self.agent(2)["pid"], SLOW_WRITES_PER_S):
            self.skipTest("no loop device, or no block controller to slow it down (cgroup v1, root)")
        writer = Writer(self.port + 1)
        try:
            health, finding, _ = self.await_finding(2, "disk.slow")
            self.assertEqual(health["verdict"], "serving")
            self.assertGreater(finding["value"], 20)
            health, _ = self.await_health(
                2, lambda health: (self.finding(health, "disk.slow") or {"level": ""})["level"] in ("warning", "critical"))
            self.assertGreaterEqual(self.finding(health, "disk.slow")["value"], 1000 // SLOW_WRITES_PER_S // 2)
        finally:
            self.loop.fast()
            writer.end()
        # What the last minute took is told for a minute.
        self.await_health(2, lambda health: not self.finding(health, "disk.slow"), PATIENCE_S * 2)

    def test_a_file_system_that_hangs(self):
        pid = self.agent(1)["pid"]
        # Not the data: a server that is asked for its configuration sizes them, and hangs with them.
        data = os.path.realpath(self.node(1, "current", "bin"))
        try:
            silent = disks.SilentDisk(data)
        except OSError as error:
            self.skipTest("only root mounts a file system that hangs: %s" % error)
        try:
            health, finding, took = self.await_finding(1, "disk.silent", "critical")
            self.tell_soon("a file system that hangs is told", took)
            self.assertEqual(os.path.basename(finding["subject"]), "zkserver", finding)
            self.assertGreaterEqual(finding["value"], finding["limit"])
            self.assertEqual(health["verdict"], "serving", "its server has its files open and goes on")
            self.assertIsNone(health.get("data_free_bytes"), "what was is not what is")
            # The agent looks on at what is no file.
            again, _ = self.await_health(1, lambda health: self.finding(health, "disk.silent")["value"] > finding["value"])
            self.assertLess(again["age_ms"], 5000)
        finally:
            silent.end()
        self.assertEqual(self.await_serving(1)["pid"], pid, "nobody ended it for that")

    def test_y_apaches_server_stopped(self):
        if not all(os.path.exists(jar) for jar in servers.JARS):
            self.skipTest("Apache's server is not installed")
        program = subprocess.run(["find", "-L", self.node(1), "-path", "*/current/bin/zkserver"], capture_output=True,
                                 text=True).stdout.split("\n")[0]
        os.rename(program, program + ".ours")
        ours = self.agent(1)["pid"]
        with open(program, "w") as file:
            file.write("#!/bin/sh\nexec java -Xmx160m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "
                       "-Dzookeeper.admin.enableServer=false -cp %s org.apache.zookeeper.server.quorum.QuorumPeerMain \"$1\"\n"
                       % ":".join(servers.JARS))
        os.chmod(program, 0o755)
        try:
            os.kill(ours, signal.SIGKILL)
            health, _ = self.await_health(1, lambda health: health["pid"] not in (0, ours) and health["verdict"] == "serving" and
                                          "zkprov" not in health["server_version"])
            self.assertIn(health["role"], ("follower", "leader"))
            self.assertGreater(health["memory_available_bytes"], 0)
            # Our file is another one now, and that is told.
            self.await_finding(1, "files.drift")
            pid = health["pid"]
            os.kill(pid, signal.SIGSTOP)
            try:
                health, finding, took = self.await_finding(1, "server.frozen", "critical")
            finally:
                os.kill(pid, signal.SIGCONT)
            self.tell_soon("Apache's server, stopped, is told", took)
            self.assertEqual(health["verdict"], "stuck")
            self.assertIn("kill -CONT %d" % pid, finding["words"])
            after, _ = self.await_health(1, lambda health: health["verdict"] == "serving")
            self.assertEqual(after["pid"], pid, "nobody ended it for that")
            os.kill(pid, signal.SIGKILL)
        finally:
            os.rename(program + ".ours", program)
        self.await_health(1, lambda health: health["verdict"] == "serving" and "zkprov" in health["server_version"])

    def test_z_a_server_that_dies_again_and_again(self):
        for _ in range(3):
            pid = self.await_health(2, lambda health: health["verdict"] == "serving")[0]["pid"]
            os.kill(pid, signal.SIGKILL)
            self.await_health(2, lambda health: health["pid"] not in (0, pid))
        _, finding, _ = self.await_finding(2, "server.restarts")
        self.assertGreaterEqual(finding["value"], 3)
        words = self.zkprov("status").stdout
        self.assertIn("times within 10 minutes", words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
