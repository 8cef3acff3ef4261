#!/usr/bin/python3
"""From Apache's server to ours and back, under a load, on three hosts of the lab.

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/migrate_test.py [-v] [TestClass[.test_name]]

A lab of its own (zkmigrate). Hosts see this machine's Java. The cases of a class build on each other and run in the order in
which they are written.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

os.environ.setdefault("ZKPROV_LAB_NAME", "zkmigrate")
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import apache_tarball  # noqa: E402
import apache_test  # noqa: E402
import e2e_test as e2e  # noqa: E402
from e2e_test import (EXIT_DONE, EXIT_INVALID, EXIT_PREFLIGHT, HOSTS, INSTALL_DIR, clients, lab, zkprov)  # noqa: E402
from programs import BIN, eventually  # noqa: E402

EXIT_GATE = 9
NODES = '  - { id: 1-3, host: "192.168.6.[137-139]" }'
KEYS = "  config: { snapCount: 2000, extendedTypesEnabled: true }\n"


def setUpModule():
    apache_test.setUpModule()


def flavor(number):
    """Whose server runs there, as the process says."""
    pid = e2e.server_pid(number)
    if pid == 0:
        return None
    return "apache" if lab.ssh(number, f"readlink /proc/{pid}/exe").stdout.strip().endswith("/java") else "zkserver"


def flavors():
    return [flavor(number) for number in HOSTS]


class Load:
    """Sessions with ephemerals and watches, and writers, from before a move until after it.

    Each session holds an ephemeral and a watch on what its writer writes. A writer sets numbers one after the other, each on the
    condition that the one before is there (the version), so that an acknowledged write that is lost is seen at once.
    """

    SESSIONS = 3

    def __init__(self, root):
        self.root = root
        self.errors = []
        self.acknowledged = [0] * self.SESSIONS
        self.watches = [0] * self.SESSIONS
        self._seen = [0] * self.SESSIONS
        self._stop = threading.Event()
        self._clients = [clients.connect(e2e.ADDRESSES, session_s=10) for _ in range(self.SESSIONS)]
        self.ids = [client.client_id[0] for client in self._clients]
        self._clients[0].ensure_path(root)
        for index, client in enumerate(self._clients):
            client.create(f"{root}/e{index}", b"", ephemeral=True)
            client.create(f"{root}/n{index}", b"0")
        for index in range(self.SESSIONS):
            self._watch(index)
        self._threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(self.SESSIONS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def _watch(self, index):
        """The session beside watches what this one writes; it may never see less than before."""
        client = self._clients[(index + 1) % self.SESSIONS]

        @client.DataWatch(f"{self.root}/n{index}")
        def _changed(data, _stat):
            if data is None:
                self.errors.append(f"n{index} is gone")
                return
            self.watches[index] += 1
            if int(data) < self._seen[index]:
                self.errors.append(f"a watcher of n{index} saw {int(data)} after {self._seen[index]}")
            self._seen[index] = int(data)

    def _run(self, index):
        client = self._clients[index]
        path = f"{self.root}/n{index}"
        written = 0
        while not self._stop.is_set():
            try:
                stat = client.set(path, str(written + 1).encode(), version=written)
                written += 1
                self.acknowledged[index] += 1
                if stat.version != written:
                    self.errors.append(f"{path}: write {written} has version {stat.version}")
            except Exception:  # pylint: disable=broad-except
                found = self._look(client, path)
                if found is None:
                    return
                if found < written:
                    self.errors.append(f"{path}: {written} was acknowledged, {found} is there")
                if found > written + 1:
                    self.errors.append(f"{path}: {found} was never written")
                written = found
            time.sleep(0.01)

    def _look(self, client, path):
        for _ in range(600):
            try:
                return int(client.get(path)[0])
            except Exception:  # pylint: disable=broad-except
                if self._stop.is_set():
                    return None
                time.sleep(0.1)
        self.errors.append(f"{path} could not be read for a minute")
        return None

    def __exit__(self, *_):
        for thread in self._threads:
            while thread.is_alive():
                if sum(self.acknowledged) > 0:
                    self._stop.set()
                thread.join(0.1)

    def finish(self, case):
        """What must hold at the end."""
        for index, client in enumerate(self._clients):
            case.assertEqual(client.client_id[0], self.ids[index], "a session was lost")
            client.sync(self.root)
            case.assertEqual(client.get(f"{self.root}/e{index}")[1].ephemeralOwner, self.ids[index])
            case.assertGreater(self.acknowledged[index], 20)
            case.assertGreater(self.watches[index], 1)
        case.assertEqual(self.errors, [])
        for client in self._clients:
            clients.close(client)


def report(run):
    """The lines that tell of a move."""
    return [line for line in run.out.splitlines() if "acknowledged" in line or "away" in line or line.startswith("led:")]


class Moves(e2e.Story):
    """The guide's A by one apply, then to ours and back."""

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="zkprov-migrate-")
        cls.addClassCleanup(cls.place.cleanup)
        cls.tarball = apache_tarball.make(cls.place.name)
        e2e.bare_hosts()
        for number in HOSTS:
            apache_test.give_java(number)

    @classmethod
    def ask_for(cls, which, more=KEYS, tarball=None):
        server = f"server:\n{more}"
        if which == "apache":
            server = f"server:\n  flavor: apache\n  tarball: {tarball or cls.tarball}\n  heap: 128m\n{more}"
        lab.inventory.write_text(lab.inventory_text(NODES, server=server), encoding="utf-8")

    def assert_moved(self, run, which):
        self.assert_run(run, EXIT_DONE)
        self.assertEqual(flavors(), [which] * 3)
        self.assertRegex(run.out, r"\d+ writes acknowledged in .*, 0 lost; .*; 0 of 2 sessions lost")
        self.assertRegex(run.out, "node 1: away .*before-" + which)
        self.assertRegex(run.out, r"led: server \d")
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)
        print("", *report(run), sep="\n  ", file=sys.stderr)

    def copies(self, number):
        return lab.ssh(number, f"ls -d {INSTALL_DIR}/data.before-* {INSTALL_DIR}/logs.before-* 2>/dev/null || true").stdout.split()

    def assert_equal_trees(self):
        """What the files of the nodes hold, once all are stopped."""
        self.assert_run(zkprov("stop", "--yes"), EXIT_DONE)
        with tempfile.TemporaryDirectory() as place:
            for number in HOSTS:
                # One directory each: zkdata compare takes no log directory for each side.
                for kind in ("logs", "data"):
                    shutil.copytree(f"{lab.root(number)}{INSTALL_DIR}/{kind}/version-2", f"{place}/{number}/version-2",
                                    dirs_exist_ok=True)
            for number in HOSTS[1:]:
                run = subprocess.run([BIN / "zkdata", "compare", f"{place}/1", f"{place}/{number}"], capture_output=True,
                                     text=True, check=False, timeout=60)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assert_run(zkprov("start"), EXIT_DONE)
        apache_test.wait_until_in_sync()

    def test_01_apply_of_apaches_server(self):
        self.ask_for("apache")
        self.assert_run(zkprov("apply", "--yes", timeout=600), EXIT_DONE)
        apache_test.wait_until_in_sync()
        self.assertEqual(flavors(), ["apache"] * 3)

    def test_02_refusals_change_nothing(self):
        before = [e2e.units(number) for number in HOSTS]
        self.assert_run(zkprov("migrate", "--to", "zkserver"), EXIT_INVALID, str(lab.inventory), "server.flavor is apache")
        self.assert_run(zkprov("migrate"), EXIT_INVALID, "--to")
        self.ask_for("zkserver")
        self.assert_run(zkprov("migrate", "--to", "apache"), EXIT_INVALID, "flavor: apache", "tarball")
        self.assert_run(zkprov("apply"), EXIT_PREFLIGHT, "zkprov migrate --to zkserver")
        self.ask_for("zkserver", "  config: { snapCount: 2000 }\n")
        self.assert_run(zkprov("migrate", "--to", "zkserver", "--yes"), EXIT_PREFLIGHT, "extendedTypesEnabled", "flavor: apache")
        self.ask_for("zkserver")
        lab.ssh(2, f"cp -p {INSTALL_DIR}/conf/zoo.cfg /root/zoo.cfg; echo maxCnxns=5 >>{INSTALL_DIR}/conf/zoo.cfg")
        self.assert_run(zkprov("migrate", "--to", "zkserver", "--yes"), EXIT_PREFLIGHT, e2e.address(2), "is not as zkprov wrote it")
        lab.ssh(2, f"cp -p /root/zoo.cfg {INSTALL_DIR}/conf/zoo.cfg")
        self.assertEqual([e2e.units(number) for number in HOSTS], before)
        self.assertEqual([self.copies(number) for number in HOSTS], [[]] * 3)

    def test_03_a_dry_run_says_it_and_changes_nothing(self):
        before = [(e2e.units(number), e2e.managed_files(number)) for number in HOSTS]
        run = zkprov("migrate", "--to", "zkserver", "--dry-run")
        self.assert_run(run, EXIT_DONE, "move node 1: apache 3.8.0", "to zkserver", "hard links", "leads until its turn",
                        "Plan: 3 to change", "3 restarts")
        self.assertEqual([(e2e.units(number), e2e.managed_files(number)) for number in HOSTS], before)

    def test_04_to_ours_under_load(self):
        self.ask_for("zkserver")
        with Load("/there") as load:
            run = zkprov("migrate", "--to", "zkserver", "--yes", timeout=600)
        self.assert_moved(run, "zkserver")
        load.finish(self)
        self.assertEqual([len(self.copies(number)) for number in HOSTS], [2] * 3)
        self.assert_run(zkprov("migrate", "--to", "zkserver", "--yes"), EXIT_DONE, "no change")

    def test_05_equal_trees(self):
        self.assert_equal_trees()

    def test_06_a_broken_server_is_gone_back_from(self):
        first = min(number for number in HOSTS if number != e2e.leader())
        with tempfile.TemporaryDirectory() as place:
            # Whole for whoever looks at the tarball, and no server for the java that runs it.
            broken = apache_tarball.make(place, note="broken", with_jars=False)
            self.ask_for("apache", tarball=broken)
            with Load("/broken") as load:
                run = zkprov("migrate", "--to", "apache", "--yes", timeout=600)
            self.assert_run(run, EXIT_GATE, f"node {first}", "has its old server again")
            load.finish(self)
        self.assertEqual(flavors(), ["zkserver"] * 3)
        self.assertEqual([len(self.copies(number)) for number in HOSTS], [4 if number == first else 2 for number in HOSTS])
        e2e.wait_until_serving()
        self.ask_for("zkserver")
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)

    def test_07_back_under_load_with_the_controller_killed(self):
        self.ask_for("apache")
        with Load("/back") as load:
            with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as home:
                first = subprocess.Popen([e2e.programs.zkprov, "migrate", "--to", "apache", "--yes", "-i", str(lab.inventory)],
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                         env={"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8"})
                try:
                    # In the middle of its second node.
                    eventually(lambda: flavors().count("apache") >= 1, "a first node is moved", 120)
                    first.send_signal(signal.SIGKILL)
                finally:
                    first.kill()
                    first.wait()
            # Until then it refuses: the next node's turn would leave no majority.
            apache_test.wait_until_in_sync()
            run = zkprov("migrate", "--to", "apache", "--yes", "--lock-timeout", "2m", "-o", "json", timeout=600)
        self.assert_run(run, EXIT_DONE)
        self.assertEqual(flavors(), ["apache"] * 3)
        move = json.loads(run.out)["migration"]
        self.assertEqual(move["writes"]["lost"], 0)
        self.assertGreater(move["writes"]["acknowledged"], 10)
        self.assertEqual(move["sessions"], {"kept": 2, "lost": 0})
        self.assertGreaterEqual(len(move["nodes"]), 1)
        load.finish(self)
        apache_test.wait_until_in_sync()
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
