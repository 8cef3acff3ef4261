#!/usr/bin/python3
"""End to end: Docker hosts that zkprov reaches over SSH. One with three containers on a bridge, and three with a container each in
the host's own network.

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/docker_hosts_test.py [-v] [TestClass[.test_name]]

A lab of its own (zkdock), with an engine on each host (docker_hosts.py). The cases of a class build on each other and run in the
order in which they are written.
"""

import json
import os
import sys
import unittest
from pathlib import Path

os.environ.setdefault("ZKPROV_LAB_NAME", "zkdock")
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import docker_hosts  # noqa: E402
import e2e_test as e2e  # noqa: E402
from e2e_test import EXIT_DEGRADED, EXIT_DONE, EXIT_PREFLIGHT, HOSTS, clients, lab  # noqa: E402
from programs import BIN, eventually  # noqa: E402

EXIT_CHANGES = 2
IMAGE = "zkserver:lab"
PLACE = "/data/zookeeper/demo"
BRIDGE = ("zookeeper_node01", "zookeeper_node02", "zookeeper_node03")
BRIDGE_NODES = '  - { id: 1-3, host: 192.168.6.137, address: "172.18.0.[2-4]", container: "zookeeper_node[01-03]" }'
BRIDGE_NETWORK = "{ name: zoonet, subnet: 172.18.0.0/16, gateway: 172.18.0.1 }"
HOST_NODES = '  - { id: 1-3, host: "192.168.6.[137-139]" }'

engines = None


def setUpModule():
    global engines
    if os.geteuid() != 0:
        e2e.skip("the lab needs root")
    if docker_hosts.missing():
        e2e.skip(docker_hosts.missing())
    if e2e.clients is None:
        e2e.skip("python3-kazoo is not installed for this Python (use /usr/bin/python3)")
    e2e.need_programs()
    if not (BIN / "zkserver-entry").exists():
        e2e.skip(f"{BIN / 'zkserver-entry'} is not built (set ZKPROV_BIN)")
    lab.hold(wait_s=1200)
    engines = docker_hosts.DockerHosts(lab)
    e2e.atexit.register(clean_up)
    e2e.signal.signal(e2e.signal.SIGTERM, lambda *_: sys.exit(143))
    lab.up(len(HOSTS), off=True)
    engines.power_on(*HOSTS)
    lab._write_known_hosts()
    engines.build_image(1, IMAGE, BIN)
    clients.enter_namespace(lab.name)


def clean_up():
    e2e.clean_up()
    engines.remove()


class Story(e2e.Story):
    """Of one inventory."""

    nodes = ""
    network = ""
    restart = "always"
    hosts = ()

    def write(self, user="ops", docker="", server="", ssh=""):
        path = e2e.programs.directory / "inventory.yaml"
        path.write_text(f"""schema: zkprov/1
cluster: demo
runtime: docker
agent: {{ http: {{ listen: node }} }}
ssh:
  user: {user}
  key: {lab.key()}
  known_hosts: {lab.known_hosts}
  {ssh}
docker:
  image: {IMAGE}
  restart: {self.restart}
  network: {self.network}
  {docker}
{server}
nodes:
{self.nodes}
""", encoding="utf-8")
        return path

    def zkprov(self, *words, code=EXIT_DONE, **more):
        run = e2e.programs.run(*words, "-i", e2e.programs.directory / "inventory.yaml", **more)
        if code is not None:
            self.assertEqual(run.code, code, f"zkprov {' '.join(map(str, words))}: {run}")
        return run

    def apply(self, *words, **more):
        return self.zkprov("apply", "--yes", *words, **more)

    def healthy(self):
        told = []

        def is_healthy():
            told.append(self.zkprov("status", code=None))
            return told[-1].code == EXIT_DONE
        try:
            eventually(is_healthy, "the ensemble is healthy", timeout_s=90)
        except AssertionError as late:
            raise AssertionError(f"{late}: {told[-1]}") from None

    def report(self):
        return json.loads(self.zkprov("status", "-o", "json", code=None).out)

    def nothing_there(self):
        for number in self.hosts:
            self.assertEqual(engines.names(number), [])
            found = lab.ssh(number, f"ls -d {PLACE} /etc/systemd/system/zkprov-agent-demo-* 2>/dev/null; true").stdout
            self.assertEqual(found, "")
            self.assertNotIn("zoonet", engines.docker(number, "network", "ls")[1])

    def in_order(self):
        """Nothing is left to do, and all is well."""
        self.assertIn("no change", self.zkprov("plan", "--exit-code").text.lower())
        self.assertIn("no change", self.apply().text.lower())
        self.healthy()

    def kept(self, writer):
        client = clients.connect(self.servers)
        try:
            client.sync(writer.root)
            there = {f"{writer.root}/{name}" for name in client.get_children(writer.root)}
        finally:
            clients.close(client)
        self.assertEqual(sorted(set(writer.acknowledged) - there), [])

    def agents(self, number):
        """The agents' units that run on the host."""
        words = lab.ssh(number, "systemctl list-units --state=active --plain --no-legend 'zkprov-agent-*'").stdout
        return sorted(line.split()[0] for line in words.splitlines())

    def refused_without_rights(self):
        """Who may not ask the engine is told so, and whom it does answer."""
        self.write(user="nosudo")
        run = self.zkprov("apply", "--yes", code=EXIT_PREFLIGHT)
        self.assertIn("nosudo may not become root", run.text)
        self.nothing_there()
        self.write(user="nosudo", ssh="sudo: never\n  agent_dir: /home/nosudo/zkprov")
        run = self.zkprov("apply", "--yes", code=EXIT_PREFLIGHT)
        self.assertIn("the group docker", run.text)
        self.assertIn("passwordless sudo", run.text)
        self.assertIn("nothing was changed", run.text)
        self.nothing_there()

    def logs(self):
        told = self.zkprov("logs", "2", "-n", "10000", "-o", "json").out
        lines = [json.loads(line) for line in told.splitlines()]
        self.assertTrue(any("server.started client_port=" in line["text"] for line in lines), told[-2000:])
        self.assertIn("agent.started", self.zkprov("logs", "2", "--agent", "-n", "10000").out)
        self.zkprov("logs", "2", "-f", "--timeout", "5s")
        self.zkprov("events", "--explain")

    def stopped_and_started(self, where):
        self.zkprov("stop", "--yes")
        for number, name in where:
            self.assertEqual(engines.inspect(number, name)["State"]["Status"], "exited")
        self.zkprov("start")
        self.healthy()


class OneHost(Story):
    """Three containers on a bridge of one Docker host, which a user with sudo reaches. Clients come by its ports."""

    nodes = BRIDGE_NODES
    network = BRIDGE_NETWORK
    hosts = (1,)
    servers = [f"{lab.address(1)}:{port}" for port in (2181, 2182, 2183)]
    where = [(1, name) for name in BRIDGE]

    def test_01_who_may_not_ask_the_engine(self):
        self.refused_without_rights()

    def test_02_apply(self):
        self.write()
        plan = self.zkprov("plan", "--exit-code", code=EXIT_CHANGES).out
        for words in ("make the network zoonet", "make the container zookeeper_node03"):
            self.assertIn(words, plan)
        self.nothing_there()
        self.apply()
        self.in_order()
        self.assertEqual(engines.names(1), sorted(BRIDGE))
        self.assertEqual(self.agents(1), [f"zkprov-agent-demo-{number}.service" for number in HOSTS])
        for number, name in enumerate(BRIDGE, 1):
            container = engines.inspect(1, name)
            self.assertEqual(container["NetworkSettings"]["Networks"]["zoonet"]["IPAddress"], f"172.18.0.{number + 1}")
            self.assertIn("Mode: ", clients.four_letter(lab.address(1), "srvr", port=2180 + number))
            self.assertEqual(container["Config"]["User"], "1000:1000")

    def test_03_logs(self):
        self.logs()

    def test_04_a_change_under_a_writing_client(self):
        with clients.Writer(self.servers, "/roll") as writer:
            writer.wait_for_more(20)
            self.write(server="server: { config: { maxClientCnxns: 50 } }")
            self.assertIn("3 restarts", self.apply("-v").text)
            writer.wait_for_more(20)
        self.in_order()
        self.kept(writer)

    def test_05_the_host_comes_back_by_itself(self):
        with clients.Writer(self.servers, "/boot") as writer:
            writer.wait_for_more(20)
            lab.kill(1)
            lab.boot(1)
            engines.wait(1)
            writer.wait_for_more(20, timeout_s=90)
        self.healthy()
        self.kept(writer)

    def test_06_replaced(self):
        with clients.Writer(self.servers, "/replace") as writer:
            self.zkprov("wipe", "2", "--confirm", "demo")
            self.assertEqual(engines.inspect(1, BRIDGE[1])["State"]["Status"], "exited")
            self.zkprov("replace-node", "2", "--yes")
            writer.wait_for_more(20)
        self.healthy()
        self.in_order()
        self.assertIn("data.quarantine-", lab.ssh(1, f"ls {PLACE}/zk2").stdout)
        self.kept(writer)

    def test_07_stop_and_start(self):
        self.stopped_and_started(self.where)

    def test_08_destroyed(self):
        run = self.zkprov("destroy", "--confirm", "demo")
        self.assertIn("destroyed on", run.text)
        self.assertEqual(engines.names(1), [])
        self.assertEqual(self.agents(1), [])
        self.assertNotIn("zoonet", engines.docker(1, "network", "ls")[1])
        self.assertIn("data", lab.ssh(1, f"ls {PLACE}/zk1").stdout.split())
        # What was in quarantine stays always.
        self.zkprov("destroy", "--confirm", "demo", "--delete-data")
        left = lab.ssh(1, f"ls {PLACE} {PLACE}/zk2; ls -d /var/lib/zkprov* 2>/dev/null; true").stdout.split()
        self.assertEqual(left[:3], [f"{PLACE}:", "zk2", f"{PLACE}/zk2:"])
        self.assertTrue(left[3:])
        self.assertTrue(all(".quarantine-" in name for name in left[3:]), left)


class ThreeHosts(Story):
    """A container on each of three Docker hosts, in the host's own network. The image comes as an archive."""

    nodes = HOST_NODES
    network = "{ driver: host }"
    restart = "unless-stopped"
    hosts = HOSTS
    servers = [f"{lab.address(number)}:2181" for number in HOSTS]
    where = [(number, f"demo-{number}") for number in HOSTS]

    @classmethod
    def setUpClass(cls):
        lab.ssh(1, f"rm -rf {PLACE}")  # quarantines of another class
        cls.archive = e2e.programs.directory / "image.tar"
        engines.docker(1, "save", "-o", cls.archive, IMAGE)
        engines.docker(1, "rmi", IMAGE)

    def write(self, docker="", **more):
        return super().write(docker=docker or f"archive: {self.archive}", **more)

    def test_01_who_may_not_ask_the_engine(self):
        self.refused_without_rights()

    def test_02_apply(self):
        self.write()
        self.zkprov("plan", "--exit-code", code=EXIT_CHANGES)
        self.nothing_there()
        self.apply()
        self.in_order()
        for number, name in self.where:
            self.assertEqual(engines.names(number), [name])
            self.assertEqual(engines.inspect(number, name)["HostConfig"]["NetworkMode"], "host")
            self.assertEqual(len(self.agents(number)), 1)
            self.assertIn("Mode: ", clients.four_letter(lab.address(number), "srvr"))

    def test_03_logs(self):
        self.logs()

    def test_04_a_change_under_a_writing_client(self):
        with clients.Writer(self.servers, "/roll") as writer:
            writer.wait_for_more(20)
            self.write(server="server: { config: { maxClientCnxns: 50 } }")
            self.assertIn("3 restarts", self.apply("-v").text)
            writer.wait_for_more(20)
        self.in_order()
        self.kept(writer)

    def test_05_the_leaders_host_loses_its_power(self):
        lost = self.report()["leader"]
        with clients.Writer(self.servers, "/power") as writer:
            writer.wait_for_more(20)
            lab.kill(lost)
            writer.wait_for_more(20)
            self.assertEqual(self.zkprov("status", code=None).code, EXIT_DEGRADED)
            lab.boot(lost)
            engines.wait(lost)
        self.healthy()
        self.kept(writer)

    def test_06_another_machine_takes_its_place(self):
        engines.docker(2, "stop", "demo-2")  # so that its engine does not start it at the next boot
        with clients.Writer(self.servers[:1] + self.servers[2:], "/machine") as writer:
            writer.wait_for_more(20)
            lab.put_away(2, "old")
            engines.power_on(2)
            lab._write_known_hosts()
            run = self.zkprov("replace-node", "2", "--yes")
            self.assertIn("is told that server 2 is incarnation 1", run.text)
            writer.wait_for_more(20)
        self.in_order()
        self.kept(writer)

    def test_07_the_old_one_is_not_started_any_more(self):
        lab.bring_back(2, "old", put_away="new")
        lab.boot(2)
        lab._write_known_hosts()
        engines.wait(2)
        run = self.zkprov("start", code=None)
        self.assertNotEqual(run.code, EXIT_DONE, str(run))
        self.assertIn("was made anew as incarnation 1", run.text)
        self.assertEqual(engines.inspect(2, "demo-2")["State"]["Status"], "exited")
        self.assertIn("was made anew as incarnation 1", self.apply(code=EXIT_PREFLIGHT).text)
        lab.bring_back(2, "new")
        lab.boot(2)
        lab._write_known_hosts()
        engines.wait(2)
        self.healthy()

    def test_08_stop_and_start(self):
        self.stopped_and_started(self.where)

    def test_09_destroyed(self):
        self.assertIn("destroyed on 3 hosts", self.zkprov("destroy", "--confirm", "demo", "--delete-data").text)
        self.nothing_there()
        for number in HOSTS:
            self.assertEqual(self.agents(number), [])


if __name__ == "__main__":
    unittest.main()
