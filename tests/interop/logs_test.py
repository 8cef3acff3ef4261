#!/usr/bin/env python3
"""`zkprov logs` beside what a server of this machine writes: its end, what comes while it is followed, and through a rotation.

    ZKPROV_BIN=build/release/bin tests/interop/logs_test.py
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import servers

ZKPROV = pathlib.Path(os.environ["ZKPROV_BIN"]).resolve()
if ZKPROV.is_file():
    ZKPROV = ZKPROV.parent
ZKPROV = ZKPROV / "zkprov"
PATIENCE_S = 60


class Follower:
    """A `zkprov logs -f` and what it has printed."""

    def __init__(self, inventory, *words):
        self.process = subprocess.Popen([ZKPROV, "logs", "1", "-f", *words, "-i", inventory], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def wait_for(self, words):
        servers.wait_until(words, lambda: any(words in line for line in self.lines), PATIENCE_S)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self):
        try:
            said = self.process.stderr.read()
            return self.process.wait(PATIENCE_S), said
        finally:
            self.process.kill()
            self.reader.join()
            self.process.stdout.close()
            self.process.stderr.close()


class Logs(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="zkprov-logs-")
        self.inventory = os.path.join(self.directory, "inventory.yaml")
        with open(self.inventory, "w") as file:
            file.write("schema: zkprov/1\ncluster: told\ntransport: local\nbase_dir: nodes\nnodes:\n"
                       "  - { id: 1, client_port: %d, peer_port: %d, election_port: %d }\n" % tuple(servers.free_ports(3)))

    def tearDown(self):
        subprocess.run([ZKPROV, "stop", "-i", self.inventory, "--yes"], capture_output=True, timeout=PATIENCE_S)
        shutil.rmtree(self.directory, ignore_errors=True)

    def zkprov(self, *words, status=0):
        done = subprocess.run([ZKPROV, *words, "-i", self.inventory], capture_output=True, text=True, timeout=PATIENCE_S * 2)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def log_file(self):
        found = list(pathlib.Path(self.directory).glob("nodes/node-1/**/zkserver.log"))
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_the_end_the_going_on_and_a_rotation(self):
        self.assertIn("zkprov apply", self.zkprov("logs", "1", status=6).stderr)
        self.assertIn("it has 1", self.zkprov("logs", "2", status=3).stderr)
        self.zkprov("apply", "--yes")
        path = self.log_file()
        servers.wait_until("the server's first lines", lambda: "server.started" in path.read_text(), PATIENCE_S)
        self.assertIn("server.started client_port=", self.zkprov("logs", "1").stdout)
        self.assertEqual(len(self.zkprov("logs", "1", "-n", "2").stdout.splitlines()), 2)
        self.assertEqual(self.zkprov("logs", "1", "-n", "0").stdout, "")
        self.assertIn("server.started pid=", self.zkprov("logs", "1", "--agent").stdout)
        objects = [json.loads(line) for line in self.zkprov("logs", "1", "-n", "3", "-o", "json").stdout.splitlines()]
        self.assertEqual([(each["schema"], each["node"], each["of"]) for each in objects], [("zkprov.logs/1", 1, "server")] * 3)

        follower = Follower(self.inventory, "-n", "0")
        try:
            time.sleep(2)
            wanted = []
            for number in range(3000):
                wanted.append("counted %d." % number)
                with open(path, "a") as file:
                    file.write(wanted[-1] + "\n")
                if number == 1000:  # as its agent does under a server that runs
                    shutil.copyfile(path, str(path) + ".1")
                    os.truncate(path, 0)
                if number == 2000:
                    time.sleep(1.5)  # it looks in between, or the second rotation would hide the first
                    os.rename(path, str(path) + ".1")
                if number % 100 == 0:
                    time.sleep(0.02)
            follower.wait_for("counted 2999.")
        finally:
            code, said = follower.end()
        self.assertEqual((code, said), (0, ""))
        self.assertEqual([line for line in follower.lines if line.startswith("counted")], wanted)

    def test_it_ends_with_its_time_and_with_its_reader(self):
        self.zkprov("apply", "--yes")
        began = time.monotonic()
        self.zkprov("logs", "1", "-f", "--timeout", "3s")
        self.assertGreater(time.monotonic() - began, 2)
        follower = Follower(self.inventory)
        follower.wait_for("server.started")
        follower.process.send_signal(signal.SIGTERM)
        self.assertEqual(follower.ended()[0], 0)
        read = subprocess.run("'%s' logs 1 -f -i '%s' --timeout 50s | head -n 1" % (ZKPROV, self.inventory), shell=True,
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(len(read.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
