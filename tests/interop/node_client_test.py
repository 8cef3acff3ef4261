#!/usr/bin/python3
"""node-zookeeper-client, the client of programs in JavaScript, against our servers and Apache's: node/program.js prints what
it is told, and of both it is the same.

Debian has no client for node. npm brings the versions of node/package-lock.json, and checks them against the digests there,
into a directory below build. Where its registry cannot be reached the test is left out, and says so: exit code 77."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from servers import APACHE, OURS, Ensemble

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "node", "program.js")
LISTS = ["package.json", "package-lock.json"]
CLIENT = os.environ.get("ZKPROV_NODE_CLIENT", os.path.join(HERE, "..", "..", "build", "node-client"))
SKIPPED = 77
# What npm says of a client that is not the one that was chosen. All else, as no way to the registry or another certificate, is
# of the machine.
WRONG = ("EINTEGRITY", "E404", "ETARGET", "EUSAGE", "EJSONPARSE")


class Unreachable(Exception):
    pass


def content(path):
    with open(path, "rb") as file:
        return file.read()


def client_is_there():
    return all(os.path.exists(os.path.join(CLIENT, name)) and
               content(os.path.join(CLIENT, name)) == content(os.path.join(HERE, "node", name)) for name in LISTS)


def bring_client():
    """Whole or not at all: the directory has its name once everything is in it."""
    if client_is_there():
        return
    os.makedirs(os.path.dirname(os.path.abspath(CLIENT)), exist_ok=True)
    part = tempfile.mkdtemp(prefix="node-client-", dir=os.path.dirname(os.path.abspath(CLIENT)))
    try:
        for name in LISTS:
            shutil.copy(os.path.join(HERE, "node", name), part)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=2"], cwd=part,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=300)
        if done.returncode != 0 and any(word in done.stdout for word in WRONG):
            raise SystemExit("npm failed:\n" + done.stdout)
        if done.returncode != 0:
            raise Unreachable(done.stdout)
        shutil.rmtree(CLIENT, ignore_errors=True)
        os.rename(part, CLIENT)
    except subprocess.TimeoutExpired as slow:
        raise Unreachable(str(slow)) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


class NodeClient(unittest.TestCase):
    maxDiff = None

    def play(self, ensemble, cut):
        """What the program says; at its word `cut` is called with the port that it is connected to."""
        program = subprocess.Popen(["node", PROGRAM, ensemble.hosts()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   env=dict(os.environ, NODE_PATH=os.path.join(CLIENT, "node_modules")))
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.stdin.close)
        self.addCleanup(program.wait, 60)
        self.addCleanup(program.kill)
        told = []
        for line in program.stdout:
            word, *rest = line.split()
            if word == "cut":
                break
            told.append(line)
        self.assertEqual(word, "cut", "".join(told))
        cut(int(rest[0]))
        rest, _ = program.communicate("go on\n", timeout=300)
        self.assertEqual(program.returncode, 0, rest)
        told += rest.splitlines(keepends=True)
        self.assertEqual(told[-1], "over\n")
        return told

    def alone(self, flavor):
        with Ensemble([flavor], standalone=True) as ensemble:
            ensemble.start()

            def restart(_):
                ensemble[1].kill()
                ensemble[1].start()
                ensemble[1].wait_serving()
            return self.play(ensemble, restart)

    def three(self, flavor):
        with Ensemble([flavor] * 3) as ensemble:
            ensemble.start()
            ensemble.wait_leader()
            return self.play(ensemble, lambda port: next(s for s in ensemble.servers if s.client_port == port).kill())

    def test_a_server_alone_that_starts_again(self):
        self.assertEqual(self.alone(OURS), self.alone(APACHE))

    def test_an_ensemble_that_loses_a_server(self):
        self.assertEqual(self.three(OURS), self.three(APACHE))


if __name__ == "__main__":
    try:
        bring_client()
    except Unreachable as error:
        print("*" * 100)
        print("** SKIPPED: npm cannot reach its registry, so node-zookeeper-client was NOT tested. It said:")
        print(error)
        print("*" * 100)
        sys.exit(SKIPPED)
    unittest.main()
