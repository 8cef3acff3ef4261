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
        with clients.Load(e2e.ADDRESSES, "/there") as load:
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
            with clients.Load(e2e.ADDRESSES, "/broken") as load:
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
        with clients.Load(e2e.ADDRESSES, "/back") as load:
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
