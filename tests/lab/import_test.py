#!/usr/bin/python3
"""End to end: servers that run already, started by somebody else, are described, taken in without a restart, and restarted one by
one under zkprov's unit.

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/import_test.py [-v] [TestClass[.test_name]]

A lab of its own (zkimport). Hosts see this machine's Java and Debian's jars. The cases of a class build on each other and run in
the order in which they are written.
"""

import os
import sys
import tempfile
import unittest
from pathlib import Path

os.environ.setdefault("ZKPROV_LAB_NAME", "zkimport")
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import apache_tarball  # noqa: E402
import apache_test  # noqa: E402
import e2e_test as e2e  # noqa: E402
from e2e_test import EXIT_DEGRADED, EXIT_DONE, EXIT_PREFLIGHT, HOSTS, lab, zkprov  # noqa: E402
from programs import eventually  # noqa: E402

ALL_HOSTS = "192.168.6.[137-139]"
DEBIANS = ("/usr/share/java", "/usr/share/zookeeper", "/usr/share/maven-repo")
MEMBERS = "".join(f"server.{number}={e2e.address(number)}:2888:3888\n" for number in HOSTS)
SAMPLE = "tickTime=2000\ninitLimit=10\nsyncLimit=5\nclientPort=2181\nadmin.enableServer=false\nmaxClientCnxns=100\n"


def setUpModule():
    if os.geteuid() == 0:
        if apache_tarball.missing():
            e2e.skip(f"{apache_tarball.missing()[0]} is not installed")
        lab.binds = apache_test.java_directories() + [place for place in DEBIANS if Path(place).is_dir()]
    e2e.setUpModule()
    e2e.need_programs()


def import_hosts(*words, hosts=(ALL_HOSTS,)):
    return e2e.programs.run("import", *hosts, "--user", "root", "--key", lab.key(), "--known-hosts", lab.known_hosts,
                            *words, timeout=120)


def put(number, path, text):
    """A file on a host; `path` is absolute."""
    place = lab.root(number) / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


def java_pids():
    """The servers' processes by host, whoever started them."""
    words = {number: lab.ssh(number, "pgrep -f '[Q]uorumPeerMain'", check=False).stdout.split() for number in HOSTS}
    assert all(len(pids) == 1 for pids in words.values()), words
    return {number: int(pids[0]) for number, pids in words.items()}


def levels(finding):
    """By host, of one finding."""
    return [e2e.findings(number).get(finding) for number in HOSTS]


class Taken(e2e.Case):
    """What holds of all ensembles that run already. A class below starts one in `start`."""

    @classmethod
    def setUpClass(cls):
        if cls is Taken:
            raise unittest.SkipTest("the classes below")
        cls.place = tempfile.TemporaryDirectory(prefix="zkprov-import-")
        cls.addClassCleanup(cls.place.cleanup)
        cls.tarball = apache_tarball.make(cls.place.name)
        e2e.bare_hosts()
        for number in HOSTS:
            apache_test.give_java(number)
            cls.start(number)
        client = eventually(cls.connect, "a leader", timeout_s=120)
        try:
            client.create("/before", b"kept")
        finally:
            e2e.clients.close(client)
        cls.pids = java_pids()

    @staticmethod
    def connect():
        try:
            return e2e.clients.connect(e2e.ADDRESSES)
        except Exception:  # noqa: BLE001: kazoo has many
            return None

    def assert_servers_untouched(self):
        self.assertEqual(java_pids(), self.pids)

    def assert_data_kept(self):
        client = e2e.clients.connect(e2e.ADDRESSES)
        try:
            client.sync("/")
            self.assertEqual(client.get("/before")[0], b"kept")
        finally:
            e2e.clients.close(client)

    def test_01_all_hosts_have_to_be_named(self):
        run = import_hosts(hosts=(e2e.address(1), e2e.address(2)))
        self.assert_run(run, EXIT_PREFLIGHT, f"server 3 ({e2e.address(3)})", "no inventory was written")
        self.assertEqual(run.out, "")

    def test_02_import(self):
        run = import_hosts("--cluster", "lab", "--tarball", self.tarball)
        self.assert_run(run, EXIT_DONE, "flavor: apache")
        print("\n" + run.out, file=sys.stderr)
        lab.inventory.write_text(run.out, encoding="utf-8")
        self.assert_servers_untouched()

    def test_03_the_plan_is_what_would_be_added(self):
        run = zkprov("plan")
        self.assert_run(run, EXIT_DONE, "no server restarts", "Plan: 3 to change, 0 untouched, 0 restarts.",
                        "enable zkprov-agent.service")
        for others in ("zookeeper.service:", "/myid", "stop ", "start zookeeper"):
            self.assertNotIn(others, run.text, str(run))

    def test_04_an_apply_has_to_be_told_to(self):
        run = zkprov("apply", "--yes")
        self.assert_run(run, EXIT_PREFLIGHT, "serves from the node's directories already", "--adopt")
        for number in HOSTS:
            self.assertEqual(lab.ssh(number, "ls /etc/systemd/system/zkprov-agent.service", check=False).returncode, 2)
        self.assert_servers_untouched()

    def test_05_adopt_restarts_nothing(self):
        with e2e.clients.Writer(e2e.ADDRESSES, "/adopted") as writer:
            run = zkprov("apply", "--adopt", timeout=600)
            self.assert_run(run, EXIT_DONE)
            writer.wait_for_more(20)
        self.assert_nothing_lost(writer)
        self.assert_servers_untouched()
        print(f"\n  adopt: {run.seconds:.2f} s", file=sys.stderr)
        run = zkprov("plan", "--exit-code")
        self.assert_run(run, EXIT_DONE, "run outside of zkprov's unit until the next restart")
        code, report = e2e.status()
        self.assertEqual(code, EXIT_DEGRADED, report)
        self.assertEqual(sorted(node["role"] for node in report["nodes"]), ["follower", "follower", "leader"])
        self.assertEqual(levels("unit.outside"), ["warning"] * 3)
        self.assertEqual(levels("files.drift"), [None] * 3)
        self.assert_run(import_hosts("--tarball", self.tarball), EXIT_DONE)
        self.assertEqual(import_hosts("--tarball", self.tarball).out.split("schema:")[1],
                         lab.inventory.read_text(encoding="utf-8").split("schema:")[1].split("\n# Not taken over")[0])

    def assert_taken_over(self, writer):
        self.assert_nothing_lost(writer)
        print(f"\n  longest write gap of the take-over: {writer.gap_s:.2f} s", file=sys.stderr)
        now = java_pids()
        for number in HOSTS:
            self.assertNotEqual(now[number], self.pids[number], f"host {number} was not restarted")
            self.assertEqual(e2e.server_pid(number), now[number])
            owner = lab.ssh(number, f"ps -o user= -p {now[number]}").stdout.strip()
            self.assertIn(owner, ("zookeep+", "zookeeper"))
            self.assertEqual(lab.ssh(number, "systemctl is-enabled zookeeper").stdout.strip(), "enabled")
            self.assertIn("Written by zkprov apply", lab.ssh(number, "systemctl cat zookeeper").stdout)
        self.assert_data_kept()
        eventually(lambda: levels("unit.outside") == [None] * 3, "no server outside of its unit")
        apache_test.wait_until_in_sync()
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE, "no change")


class Tarball(Taken):
    """The guide's way: a tarball in /usr/local/zookeeper, zkServer.sh start, as root."""

    @classmethod
    def start(cls, number):
        target = lab.root(number) / "root/zk.tar.gz"
        target.write_bytes(cls.tarball.read_bytes())
        lab.ssh(number, "cd /usr/local && tar xzf /root/zk.tar.gz && mv apache-zookeeper-*-bin zookeeper && "
                        "mkdir zookeeper/data zookeeper/logs")
        put(number, "/usr/local/zookeeper/conf/zoo.cfg",
            SAMPLE + "dataDir=/usr/local/zookeeper/data\ndataLogDir=/usr/local/zookeeper/logs\n" + MEMBERS)
        put(number, "/usr/local/zookeeper/data/myid", f"{number}\n")
        put(number, "/usr/local/zookeeper/conf/log4j.properties", "log4j.rootLogger=INFO, A\nlog4j.appender.A=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.A.layout=org.apache.log4j.SimpleLayout\n")
        lab.ssh(number, "cd / && JVMFLAGS=-Xmx128m /usr/local/zookeeper/bin/zkServer.sh start")

    def test_06_a_process_that_falls_is_not_started_twice(self):
        """Until the take-over the old way is the only one: our unit does not come up beside it."""
        follower = next(number for number in HOSTS if number != e2e.leader())
        lab.ssh(follower, f"kill -9 {self.pids[follower]}")
        eventually(lambda: "server.down" in e2e.findings(follower), "the agent tells that it is down")
        self.assertEqual(e2e.server_pid(follower), 0)
        lab.ssh(follower, "cd / && rm -f /usr/local/zookeeper/data/zookeeper_server.pid && "
                          "JVMFLAGS=-Xmx128m /usr/local/zookeeper/bin/zkServer.sh start")
        apache_test.wait_until_in_sync()
        eventually(lambda: levels("unit.outside") == ["warning"] * 3, "it is outside again")
        type(self).pids = java_pids()
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)

    def test_06b_stopped_servers_start_under_the_unit(self):
        """The same as a take-over, for one that is down."""
        follower = next(number for number in HOSTS if number != e2e.leader())
        lab.ssh(follower, f"kill {self.pids[follower]}")
        eventually(lambda: "server.down" in e2e.findings(follower), "the agent tells that it is down")
        run = zkprov("start")
        self.assertNotEqual(run.code, EXIT_DONE, str(run))
        self.assertIn("zkprov apply starts it under the unit", run.text)
        self.assert_run(zkprov("apply", timeout=600), EXIT_DONE)
        apache_test.wait_until_in_sync()
        self.assertNotEqual(e2e.server_pid(follower), 0)
        others = {number: pid for number, pid in java_pids().items() if number != follower}
        self.assertEqual(others, {number: pid for number, pid in self.pids.items() if number != follower})
        self.assert_data_kept()

    def test_07_take_over(self):
        with e2e.clients.Writer(e2e.ADDRESSES, "/taken") as writer:
            self.assert_run(zkprov("apply", "--take-over", "--yes", timeout=600), EXIT_DONE)
            writer.wait_for_more(20)
        self.assert_taken_over(writer)
        for number in HOSTS:
            self.assertIn("zookeeper-", lab.ssh(number, "ls /usr/local/zookeeper/lib").stdout)  # theirs is still there
            self.assertEqual(lab.ssh(number, "find /usr/local/zookeeper/data /usr/local/zookeeper/logs -path '*version-2*' "
                                             "-not -user zookeeper").stdout, "")

    def test_08_it_comes_back_after_a_power_cut(self):
        follower = next(number for number in HOSTS if number != e2e.leader())
        lab.kill(follower)
        lab.boot(follower)
        apache_test.wait_until_in_sync()
        self.assert_data_kept()


class Debian(Taken):
    """Debian's package, run by a unit that somebody wrote and that has the name of ours."""

    @classmethod
    def start(cls, number):
        lab.ssh(number, "groupadd --system zk && useradd --system --gid zk --home-dir /var/lib/zookeeper --no-create-home zk && "
                        "install -d -o zk -g zk -m 0750 /var/lib/zookeeper /var/log/zookeeper")
        conf = Path("/etc/zookeeper/conf")
        for name in ("environment", "log4j.properties"):
            put(number, f"/etc/zookeeper/conf/{name}", (conf / name).read_text(encoding="utf-8"))
        put(number, "/etc/zookeeper/conf/zoo.cfg",
            SAMPLE + "dataDir=/var/lib/zookeeper\n4lw.commands.whitelist=srvr, mntr\n" + MEMBERS)
        put(number, "/etc/zookeeper/conf/myid", f"{number}\n")
        lab.ssh(number, "ln -s /etc/zookeeper/conf/myid /var/lib/zookeeper/myid")
        put(number, "/etc/systemd/system/zookeeper.service",
            "[Unit]\nDescription=By hand\n[Service]\nUser=zk\nGroup=zk\nEnvironment=JVMFLAGS=-Xmx128m\nWorkingDirectory=/var/lib/zookeeper\n"
            "ExecStart=/usr/share/zookeeper/bin/zkServer.sh start-foreground\nRestart=always\nSuccessExitStatus=143\n"
            "[Install]\nWantedBy=multi-user.target\n")
        lab.ssh(number, "systemctl daemon-reload && systemctl enable --now zookeeper")

    def test_06_a_change_that_wants_a_restart_takes_over(self):
        text = lab.inventory.read_text(encoding="utf-8")
        self.assertIn("  config:\n", text)
        self.assertIn("4lw.commands.whitelist=srvr, mntr", text)
        lab.inventory.write_text(text.replace("  config:\n", "  config:\n    snapCount: 20000\n", 1), encoding="utf-8")
        with e2e.clients.Writer(e2e.ADDRESSES, "/taken") as writer:
            self.assert_run(zkprov("apply", "--yes", timeout=600), EXIT_DONE)
            writer.wait_for_more(20)
        self.assert_taken_over(writer)
        self.assertIn("Description=By hand", lab.ssh(1, "cat /etc/systemd/system/zookeeper.service.before-zkprov").stdout)
        self.assertEqual(lab.ssh(1, "cat /var/lib/zookeeper/myid /etc/zookeeper/conf/myid").stdout, "1\n1\n")


class Own(e2e.Case):
    """zkprov's own: what is imported is what was applied."""

    def test_the_plan_is_empty(self):
        e2e.bare_hosts()
        lab._write_inventory()
        text = lab.inventory.read_text(encoding="utf-8")
        lab.inventory.write_text(text + "server: { config: { snapCount: 50000 } }\nagent: { http: { listen: node } }\n",
                                 encoding="utf-8")
        self.assert_run(zkprov("apply", "--yes", timeout=600), EXIT_DONE)
        before = [(e2e.units(number), e2e.managed_files(number)) for number in HOSTS]
        run = import_hosts()
        self.assert_run(run, EXIT_DONE, "cluster: lab", "snapCount: 50000", "listen: node")
        lab.inventory.write_text(run.out, encoding="utf-8")
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE, "no change")
        self.assert_run(zkprov("apply"), EXIT_DONE)
        self.assertEqual([(e2e.units(number), e2e.managed_files(number)) for number in HOSTS], before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
