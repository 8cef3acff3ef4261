#!/usr/bin/python3
"""Debian's Go client (github.com/samuel/go-zookeeper) against our servers, with a program of our own: program.go."""
import os
import shutil
import subprocess
import tempfile
import unittest

from servers import OURS, Ensemble

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = "/usr/share/gocode"
STEPS = ["nodes", "transactions", "permissions", "watches", "cut"]


class GoClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="zkinterop-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.program = os.path.join(cls.folder, "program")
        subprocess.run(["go", "build", "-o", cls.program, os.path.join(HERE, "program.go")], check=True, timeout=600,
                       cwd=cls.folder, env={"PATH": os.environ["PATH"], "GO111MODULE": "off", "GOPATH": SOURCES, "GOFLAGS": "-p=2",
                                            "GOCACHE": os.environ.get("GOCACHE", os.path.join(cls.folder, "cache")),
                                            "CGO_ENABLED": "0", "GOPROXY": "off"})

    def play(self, ensemble, cut):
        program = subprocess.Popen([self.program, ensemble.hosts()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stdin.close)
        self.addCleanup(program.wait, 60)
        self.addCleanup(program.kill)
        told = []
        for line in program.stdout:
            told.append(line.strip())
            if told[-1] == "cut":
                break
        self.assertEqual(told, STEPS)
        cut()
        rest, _ = program.communicate("go on\n", timeout=120)
        self.assertEqual((program.returncode, rest.split()), (0, ["reconnect", "done"]))

    def test_a_server_alone_that_starts_again(self):
        with Ensemble([OURS], standalone=True) as ensemble:
            ensemble.start()

            def restart():
                ensemble[1].kill()
                ensemble[1].start()
                ensemble[1].wait_serving()
            self.play(ensemble, restart)

    def test_an_ensemble_that_loses_its_leader(self):
        with Ensemble([OURS] * 3) as ensemble:
            ensemble.start()
            self.play(ensemble, lambda: ensemble.wait_leader().kill())


if __name__ == "__main__":
    unittest.main()
