#!/usr/bin/python3
"""End to end with flavor: apache: Apache's own server on three hosts of the lab, from a tarball made of Debian's packages.

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/apache_test.py [-v] [TestClass[.test_name]]

A lab of its own (zkapache). Hosts see this machine's Java; which of them has a /usr/bin/java is the cases' business. The
cases of a class build on each other and run in the order in which they are written.
"""

import os
import sys
import tempfile
import unittest
from pathlib import Path

os.environ.setdefault("ZKPROV_LAB_NAME", "zkapache")
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import apache_tarball  # noqa: E402
import e2e_test as e2e  # noqa: E402
from e2e_test import (EXIT_DONE, EXIT_INVALID, EXIT_PREFLIGHT, HOSTS, INSTALL_DIR, lab, zkprov)  # noqa: E402
from programs import eventually  # noqa: E402

NODES = '  - { id: 1-3, host: "192.168.6.[137-139]" }'


def setUpModule():
    if os.geteuid() == 0:
        if apache_tarball.missing():
            e2e.skip(f"{apache_tarball.missing()[0]} is not installed")
        lab.binds = java_directories()
    e2e.setUpModule()
    e2e.need_programs()


def java_directories():
    """Where this machine's Java is, and where its configuration is that links there lead to."""
    home = apache_tarball.java_home()
    places = {home}
    for path in home.rglob("*"):
        target = path.resolve()
        if path.is_symlink() and target.parts[1:2] == ("etc",) and len(target.parts) > 2:
            places.add(Path("/etc") / target.parts[2])
    return sorted(str(place) for place in places)


def give_java(number):
    lab.ssh(number, f"ln -sf {apache_tarball.java_home()}/bin/java /usr/bin/java")


def java_pid(number):
    return e2e.server_pid(number)


def wait_until_in_sync(timeout_s=120):
    """Whatever else is found: a server that a case has ended several times is told of for ten minutes."""
    eventually(lambda: all(node["in_sync"] for node in e2e.status()[1]["nodes"]), "all nodes in sync", timeout_s)


class Apache(e2e.Case):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="zkprov-apache-")
        cls.addClassCleanup(cls.place.cleanup)
        cls.tarball = apache_tarball.make(cls.place.name)
        e2e.bare_hosts()
        cls.write()

    @classmethod
    def write(cls, more="", tarball=None):
        """The inventory that all helpers use, as it is from now on."""
        server = f"server:\n  flavor: apache\n  tarball: {tarball or cls.tarball}\n  heap: 128m\n{more}"
        lab.inventory.write_text(lab.inventory_text(NODES, server=server), encoding="utf-8")

    def assert_bare(self):
        for number in HOSTS:
            self.assertEqual(e2e.traces(number), "", f"host {number} was changed")

    def test_01_a_wrong_checksum_is_refused(self):
        beside = Path(f"{self.tarball}.sha512")
        right = beside.read_text(encoding="utf-8")
        beside.write_text("0" * 128 + right[128:], encoding="utf-8")
        try:
            run = zkprov("apply")
        finally:
            beside.write_text(right, encoding="utf-8")
        self.assert_run(run, EXIT_INVALID, str(self.tarball), "SHA-512", "fetch the release again")
        self.assert_bare()

    def test_02_a_host_without_java_is_refused(self):
        give_java(1)
        give_java(2)
        run = zkprov("apply")
        self.assert_run(run, EXIT_PREFLIGHT, e2e.address(3), "there is no /usr/bin/java", "default-jre-headless")
        self.assertNotIn("has no Java", "".join(line for line in run.text.splitlines() if e2e.address(1) in line))
        self.assert_bare()

    def test_03_apply_from_bare_hosts(self):
        give_java(3)
        run = zkprov("apply", "--yes", timeout=600)
        self.assert_run(run, EXIT_DONE)
        print(f"\n  first apply: {run.seconds:.2f} s", file=sys.stderr)
        code, report = e2e.status()
        self.assertEqual(code, EXIT_DONE, report)
        self.assertEqual(sorted(node["role"] for node in report["nodes"]), ["follower", "follower", "leader"])
        for number in HOSTS:
            self.assertIn("/java", lab.ssh(number, f"readlink /proc/{java_pid(number)}/exe").stdout)
            self.assertEqual(lab.ssh(number, f"cat {INSTALL_DIR}/data/myid").stdout.strip(), str(number))
            self.assertEqual(lab.ssh(number, f"test -e {INSTALL_DIR}/logs/initialize", check=False).returncode, 1)
            self.assertIn("Mode: ", lab.ssh(number, f"{INSTALL_DIR}/bin/zkServer.sh status").stdout)
            self.assertIn("[zookeeper]", lab.ssh(
                number, f"JVMFLAGS=-Xmx64m {INSTALL_DIR}/bin/zkCli.sh -server 127.0.0.1:2181 ls / 2>&1").stdout)

    def test_04_second_apply_changes_nothing(self):
        before = [(e2e.units(number), e2e.managed_files(number)) for number in HOSTS]
        run = zkprov("apply")
        self.assert_run(run, EXIT_DONE)
        self.assertRegex(run.text, "(?i)nothing to change|no change|up to date|unchanged", str(run))
        self.assertEqual([(e2e.units(number), e2e.managed_files(number)) for number in HOSTS], before)
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)

    def test_05_a_changed_configuration_rolls(self):
        before = {number: java_pid(number) for number in HOSTS}
        self.write("  config: { snapCount: 20000 }\n  jvm_flags: [-XX:+UseSerialGC]\n")
        with e2e.clients.Writer(e2e.ADDRESSES, "/rolled") as writer:
            self.assert_run(zkprov("apply", "--yes", timeout=600), EXIT_DONE)
            writer.wait_for_more(20)
        self.assert_nothing_lost(writer)
        print(f"\n  longest write gap of the roll: {writer.gap_s:.2f} s", file=sys.stderr)
        for number in HOSTS:
            self.assertNotEqual(java_pid(number), before[number], f"host {number} was not restarted")
            self.assertIn("-XX:+UseSerialGC", lab.ssh(number, f"tr '\\0' ' ' < /proc/{java_pid(number)}/cmdline").stdout)
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)

    def test_06_a_killed_leader_comes_back(self):
        leader = e2e.leader()
        with e2e.clients.Writer(e2e.ADDRESSES, "/killed") as writer:
            lab.ssh(leader, f"kill -9 {java_pid(leader)}")
            writer.wait_for_more(50, timeout_s=60)
            wait_until_in_sync()
        self.assert_nothing_lost(writer)

    def test_07_another_release_rolls(self):
        with tempfile.TemporaryDirectory() as directory:
            other = apache_tarball.make(directory, note="The next one.")
            self.write("  config: { snapCount: 20000 }\n  jvm_flags: [-XX:+UseSerialGC]\n", tarball=other)
            before = {number: lab.ssh(number, f"readlink {INSTALL_DIR}/current").stdout for number in HOSTS}
            with e2e.clients.Writer(e2e.ADDRESSES, "/released") as writer:
                self.assert_run(zkprov("apply", "--yes", timeout=600), EXIT_DONE)
            self.assert_nothing_lost(writer)
            self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)
        for number in HOSTS:
            now = lab.ssh(number, f"readlink {INSTALL_DIR}/current").stdout
            self.assertNotEqual(now, before[number])
            self.assertEqual(lab.ssh(number, f"readlink /proc/{java_pid(number)}/cwd").stdout,
                             f"{INSTALL_DIR}/{now}")
            self.assertIn("The next one.", lab.ssh(number, f"cat {INSTALL_DIR}/current/README.md").stdout)
        self.write("  config: { snapCount: 20000 }\n  jvm_flags: [-XX:+UseSerialGC]\n")
        self.assert_run(zkprov("apply", "--yes", timeout=600), EXIT_DONE)

    def test_08_a_replaced_host_joins(self):
        lab.wipe(2)
        lab._write_known_hosts()
        give_java(2)
        self.assert_run(zkprov("replace-node", "2", "--yes", timeout=600), EXIT_DONE)
        wait_until_in_sync()

    def test_09_stop_and_start(self):
        self.assert_run(zkprov("stop", "--yes"), EXIT_DONE)
        for number in HOSTS:
            self.assertEqual(lab.ssh(number, "systemctl is-failed zookeeper", check=False).stdout.strip(), "inactive")
        self.assert_run(zkprov("start"), EXIT_DONE)
        wait_until_in_sync()

    def test_10_operators_start_and_stop_by_the_unit(self):
        follower = next(number for number in HOSTS if number != e2e.leader())
        script = f"{INSTALL_DIR}/bin/zkServer.sh"
        self.assertIn("STOPPED", lab.ssh(follower, f"{script} stop").stdout)
        self.assertEqual(java_pid(follower), 0)
        self.assertEqual(lab.ssh(follower, f"{script} status", check=False).returncode, 1)
        self.assertIn("STARTED", lab.ssh(follower, f"{script} start").stdout)
        self.assertIn("already running", lab.ssh(follower, f"{script} start", check=False).stdout)
        wait_until_in_sync()

    def test_11_our_own_server_does_not_take_its_place_unasked(self):
        lab.inventory.write_text(lab.inventory_text(NODES), encoding="utf-8")
        before = [e2e.units(number) for number in HOSTS]
        try:
            self.assert_run(zkprov("apply"), EXIT_PREFLIGHT, "runs Apache's server", "flavor: apache")
        finally:
            self.write("  config: { snapCount: 20000 }\n  jvm_flags: [-XX:+UseSerialGC]\n")
        self.assertEqual([e2e.units(number) for number in HOSTS], before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
