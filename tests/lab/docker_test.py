#!/usr/bin/python3
"""Ensembles in Docker by zkprov: one apply instead of a guide's lines, under a real Docker engine.

Run as root with the system's Python (which has kazoo):

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/docker_test.py [-v] [TestClass[.test_name]]

The engine is that of engine.py; zkprov runs beside it, where /data is the engine's host's (transport: local). The agents
that it leaves behind are stopped by their pids.
"""

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import apache_image  # noqa: E402
import container_test  # noqa: E402
from engine import IMAGE, NAMESPACE, Engine, docker_program  # noqa: E402
from programs import BIN, PROGRAMS, Programs, Run, eventually  # noqa: E402

try:
    import clients
except ImportError:
    clients = None

INVALID = 3
PREFLIGHT = 6
GATE = 9
APACHE_IMAGE = "official:lab"
BROKEN_IMAGE = "broken:lab"
APACHE = "server: { flavor: apache, heap: 200m }"
NODES = ("zookeeper_node01", "zookeeper_node02", "zookeeper_node03")
ADDRESSES = ["172.18.0.2", "172.18.0.3", "172.18.0.4"]
NETWORK = "network: { name: zoonet, driver: bridge, subnet: 172.18.0.0/16, gateway: 172.18.0.1 }"
THREE = '- { id: 1-3, address: "172.18.0.[2-4]", container: "zookeeper_node[01-03]" }'
PLACE = "/data/zookeeper/cluster"

engine = None
programs = None


def skip(why):
    if os.environ.get("ZKPROV_REQUIRE_LAB"):
        raise AssertionError(f"may not be skipped: {why}")
    print(f"SKIPPED: {why}", file=sys.stderr)
    raise unittest.SkipTest(why)


def setUpModule():
    global engine, programs
    if os.geteuid() != 0:
        skip("the engine needs root")
    if clients is None:
        skip("python3-kazoo is not installed for this Python (use /usr/bin/python3)")
    if docker_program() is None or not os.access("/usr/sbin/dockerd", os.X_OK):
        skip("docker.io is not installed (scripts/deps test installs it)")
    for program in (*PROGRAMS, "zkserver-entry"):
        if not (BIN / program).exists():
            skip(f"{BIN / program} is not built (set ZKPROV_BIN)")
    programs = Programs()
    engine = Engine()
    atexit.register(tidy)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engine.up()
    build_image(IMAGE)
    clients.enter_namespace(NAMESPACE)


def tidy():
    end_agents()
    engine.down()
    programs.remove()


def build_image(name):
    subprocess.run([str(HERE.parents[1] / "scripts/image"), name], check=True, stdout=sys.stderr,
                   env=dict(os.environ, ZKPROV_BIN=str(BIN), **engine.environment, ENGINE=docker_program()))


def end_agents():
    """Those whose pid lies in a state directory: nobody else's."""
    for file in engine.host("/data").glob("**/agent/agent.pid"):
        pid = int(file.read_text(encoding="utf-8").split()[0])
        program = Path(f"/proc/{pid}/cmdline")
        if program.exists() and b"zkprov-agent" in program.read_bytes():
            os.kill(pid, signal.SIGTERM)
            eventually(lambda pid=pid: not Path(f"/proc/{pid}").exists(), f"agent {pid} ends", timeout_s=20)


class Case(unittest.TestCase):
    def setUp(self):
        self.inventory = programs.directory / "inventory.yaml"

    def tearDown(self):
        end_agents()
        names = engine.docker("ps", "-aq", check=False)[1].split()
        if names:
            engine.remove(*names)
        for network in ("zoonet", "other", "demo"):
            engine.docker("network", "rm", network, check=False)
        for entry in engine.host("/data").iterdir():
            subprocess.run(["rm", "-rf", str(entry)], check=True)

    def write(self, nodes=THREE, network=NETWORK, image=IMAGE, more="", docker="", socket=None):
        self.inventory.write_text(f"""schema: zkprov/1
cluster: demo
transport: local
runtime: docker
docker:
  engine: {socket or engine.socket}
  image: {image}
  directory: {PLACE}
  restart: always
  {network}
  {docker}
{more}
nodes:
  {nodes}
""", encoding="utf-8")

    def zkprov(self, *words, code=0, timeout=300):
        command = engine.on_host(programs.zkprov, *words)
        start = time.monotonic()
        result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, cwd="/",
                                env={"PATH": os.environ["PATH"], "HOME": str(programs.directory), "LC_ALL": "C.UTF-8"},
                                stdin=subprocess.DEVNULL)
        run = Run(result, time.monotonic() - start)
        if code is not None:
            self.assertEqual(run.code, code, f"zkprov {' '.join(map(str, words))}: {run}")
        return run

    def apply(self, *words, **keywords):
        return self.zkprov("apply", self.inventory, "--yes", *words, **keywords)

    def status(self):
        return json.loads(self.zkprov("status", self.inventory, "-o", "json", code=None).out)

    def healthy(self):
        told = []

        def is_healthy():
            told.append(self.zkprov("status", self.inventory, code=None))
            return told[-1].code == 0
        try:
            eventually(is_healthy, "the ensemble is healthy")
        except AssertionError as late:
            raise AssertionError(f"{late}: {told[-1]}") from None

    def leader(self):
        """Its number, as the containers themselves say it."""
        for number, name in enumerate(NODES, 1):
            if "Mode: leader" in engine.docker("exec", name, "zkServer.sh", "status", check=False)[1]:
                return number
        return None

    def started(self):
        return {name: engine.inspect(name)["State"]["StartedAt"] for name in NODES}

    def nothing_made(self):
        """But for what the agents note of the run itself."""
        made = [path for path in engine.host(PLACE).glob("*/*") if path.name != "agent"]
        self.assertEqual(made, [])

    def nothing_there(self):
        self.nothing_made()
        self.assertEqual(engine.docker("ps", "-aq")[1], "")
        self.assertNotIn("zoonet", engine.docker("network", "ls")[1])

    def refused(self, *words):
        run = self.apply(code=PREFLIGHT)
        for each in words:
            self.assertIn(each, run.text)
        self.assertIn("nothing was changed", run.text)


class Cluster(Case):
    def test_the_guides_cluster(self):
        self.write()
        plan = self.zkprov("plan", self.inventory, "--exit-code", code=2).out
        for words in ("make the network zoonet", "make the container zookeeper_node03"):
            self.assertIn(words, plan)
        self.nothing_there()
        self.apply()
        self.as_the_guide_has_it()
        again = self.apply()
        self.assertIn("no change", again.text.lower())
        self.healthy()
        # By the host's ports, as the guide's clients.
        for port in (2181, 2182, 2183):
            self.assertIn("Mode: ", clients.four_letter("127.0.0.1", "srvr", port=port))
        self.logs_of_a_container()
        with clients.Writer(ADDRESSES, "/load") as writer:
            self.killed_and_back()
            writer.wait_for_more(20)
            self.changed_one_by_one(writer)
            self.replaced(writer)
        self.stopped_and_started()
        client = clients.connect(ADDRESSES)
        self.assertEqual(len(client.get_children("/load")), len(writer.acknowledged))
        clients.close(client)
        events = self.zkprov("events", self.inventory, "--explain").out
        self.assertIn("server", events)

    def logs_of_a_container(self):
        told = self.zkprov("logs", "2", self.inventory, "-n", "10000", "-o", "json").out
        lines = [json.loads(line) for line in told.splitlines()]
        self.assertTrue(any("server.started client_port=" in line["text"] for line in lines), told[-2000:])
        self.assertTrue(all(line["at_ms"] > 1_700_000_000_000 for line in lines))
        own = "".join(engine.docker("logs", NODES[1])[1:])
        self.assertEqual(len(self.zkprov("logs", "2", self.inventory, "-n", "5").out.splitlines()), min(5, len(own.splitlines())))
        self.assertIn("agent.started", self.zkprov("logs", "2", self.inventory, "--agent", "-n", "10000").out)
        # It ends with its time, and well.
        self.zkprov("logs", "2", self.inventory, "-f", "--timeout", "5s")

    def as_the_guide_has_it(self):
        network = json.loads(engine.docker("network", "inspect", "zoonet")[1])[0]
        self.assertEqual(network["Driver"], "bridge")
        self.assertEqual(network["IPAM"]["Config"], [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}])
        for number, name in enumerate(NODES, 1):
            container = engine.inspect(name)
            host = container["HostConfig"]
            self.assertEqual(container["NetworkSettings"]["Networks"]["zoonet"]["IPAddress"], f"172.18.0.{number + 1}")
            self.assertEqual(host["PortBindings"], {"2181/tcp": [{"HostIp": "", "HostPort": str(2180 + number)}]})
            self.assertEqual(host["RestartPolicy"]["Name"], "always")
            self.assertFalse(host["Privileged"])
            self.assertEqual(host["CapDrop"], ["ALL"])
            self.assertEqual(container["Config"]["User"], "1000:1000")
            labels = container["Config"]["Labels"]
            self.assertEqual((labels["zkprov.cluster"], labels["zkprov.sid"]), ("demo", str(number)))
            places = {mount["Destination"]: mount["Source"] for mount in container["Mounts"]}
            self.assertEqual(places, {f"/{inside}": f"{PLACE}/zk{number}/{inside}"
                                      for inside in ("data", "datalog", "logs", "conf")})
            self.assertEqual(engine.host(f"{PLACE}/zk{number}/data/myid").read_text(encoding="utf-8"), f"{number}\n")
        said = engine.docker("exec", NODES[0], "zkServer.sh", "status")[1]
        self.assertIn("Client port found: 2181. Client address: localhost. Client SSL: false.\nMode: ", said)

    def killed_and_back(self):
        """The restart policy brings back what died; docker kill would count as a wish."""
        os.kill(engine.inspect(NODES[1])["State"]["Pid"], signal.SIGKILL)
        eventually(lambda: engine.inspect(NODES[1])["RestartCount"] == 1, "the engine starts it again")
        self.healthy()

    def changed_one_by_one(self, writer):
        """One container after the other, the leader last; one more setting makes other containers of them."""
        last, before = self.leader(), self.started()
        self.write(more="server: { config: { maxClientCnxns: 50 } }")
        run = self.apply("-v")
        self.assertIn("3 restarts", run.text)
        after = self.started()
        self.assertEqual(max(after, key=after.get), NODES[last - 1])
        self.assertTrue(all(after[name] != before[name] for name in NODES))
        for number in (1, 2, 3):
            self.assertIn("maxClientCnxns=50\n", engine.host(f"{PLACE}/zk{number}/conf/zoo.cfg").read_text(encoding="utf-8"))
        writer.wait_for_more(20)
        ids = {name: engine.inspect(name)["Id"] for name in NODES}
        self.inventory.write_text(self.inventory.read_text(encoding="utf-8").replace("restart: always", "restart: on-failure"),
                                  encoding="utf-8")
        self.apply()
        for name in NODES:
            self.assertEqual(engine.inspect(name)["HostConfig"]["RestartPolicy"]["Name"], "on-failure")
            self.assertNotEqual(engine.inspect(name)["Id"], ids[name])
        self.assertEqual(len(engine.docker("ps", "-aq")[1].split()), 3)
        writer.wait_for_more(20)
        self.assertIn("no change", self.apply().text.lower())

    def replaced(self, writer):
        self.zkprov("wipe", "2", self.inventory, "--confirm", "demo")
        self.assertEqual(engine.inspect(NODES[1])["State"]["Status"], "exited")
        self.zkprov("replace-node", "2", self.inventory, "--yes")
        self.healthy()
        self.assertTrue(list(engine.host(f"{PLACE}/zk2").glob("data.quarantine-*")))
        writer.wait_for_more(20)

    def stopped_and_started(self):
        self.zkprov("stop", self.inventory, "--yes")
        self.assertEqual({engine.inspect(name)["State"]["Status"] for name in NODES}, {"exited"})
        self.assertEqual({engine.inspect(name)["State"]["ExitCode"] for name in NODES}, {0})
        self.zkprov("start", self.inventory)
        self.healthy()

    def test_an_image_from_an_archive_and_another_one(self):
        archive = programs.directory / "image.tar"
        build_image("shipped:1")
        engine.docker("save", "-o", archive, "shipped:1")
        engine.docker("rmi", "shipped:1")
        self.write(image="shipped:1", docker=f"archive: {archive}")
        self.apply()
        self.healthy()
        self.assertIn("no change", self.apply().text.lower())
        # The same name and another image: each container is made anew, one at a time.
        ids = {name: engine.inspect(name)["Image"] for name in NODES}
        with_label = programs.directory / "context"
        with_label.mkdir()
        (with_label / "Dockerfile").write_text("FROM shipped:1\nLABEL note=second\n", encoding="utf-8")
        engine.docker("build", "-q", "-t", "shipped:1", with_label)
        engine.docker("save", "-o", archive, "shipped:1")
        with clients.Writer(ADDRESSES, "/load") as writer:
            self.assertIn("3 restarts", self.apply("-v").text)
            writer.wait_for_more(20)
        for name in NODES:
            self.assertNotEqual(engine.inspect(name)["Image"], ids[name])
        self.healthy()

    def test_the_official_image(self):
        """Apache's server in an image of the official one's contract."""
        if apache_image.missing():
            skip(f"not installed: {apache_image.missing()}")
        apache_image.build(engine, APACHE_IMAGE)
        self.write(image=APACHE_IMAGE, more="server: { flavor: apache, heap: 200m }")
        self.apply(timeout=600)
        self.healthy()
        self.assertIn("no change", self.apply().text.lower())
        with clients.Writer(ADDRESSES, "/load") as writer:
            self.write(image=APACHE_IMAGE, more="server: { flavor: apache, heap: 210m }")
            self.assertIn("3 restarts", self.apply("-v", timeout=600).text)
            writer.wait_for_more(20)
        self.healthy()
        # Whose server it is may not change on the way.
        self.write()
        self.refused("runs Apache's server, and the inventory asks for zkprov's own")


class Faults(Case):
    def test_a_cut_cable_and_a_reboot(self):
        """A leader that nobody reaches, and then the whole host without warning: the policy starts all three again."""
        self.write()
        self.apply()
        with clients.Writer(ADDRESSES, "/load") as writer:
            writer.wait_for_more(20)
            cut = self.leader()
            engine.cable(NODES[cut - 1], "down")
            eventually(lambda: self.leader() not in (None, cut), "another leader")
            writer.wait_for_more(20)
            self.assertNotEqual(self.zkprov("status", self.inventory, code=None).code, 0)
            engine.cable(NODES[cut - 1], "up")
            self.healthy()
            writer.wait_for_more(20)
            before = self.started()
            engine.reboot()
            writer.wait_for_more(20)
            after = self.started()
            self.assertTrue(all(after[name] != before[name] for name in NODES))
        # Nothing starts agents of the transport local at a boot.
        self.apply()
        self.healthy()
        client = clients.connect(ADDRESSES)
        kept = {f"/load/{name}" for name in client.get_children("/load")}
        clients.close(client)
        self.assertLessEqual(set(writer.acknowledged), kept)
        self.assertIn("no change", self.apply().text.lower())


class Moves(Case):
    """From the official image to ours and back, by zkprov migrate."""

    def test_moves_between_the_servers(self):
        if apache_image.missing():
            skip(f"not installed: {apache_image.missing()}")
        apache_image.build(engine, APACHE_IMAGE)
        self.build_broken_image()
        self.write(image=APACHE_IMAGE, more=APACHE)
        self.apply(timeout=600)
        self.healthy()
        self.assertEqual(self.flavors(), ["apache"] * 3)
        self.refusals_change_nothing()

        self.write()
        self.moved("zkserver", IMAGE, "/there")
        self.assertEqual([self.copies(number) for number in (1, 2, 3)], [2] * 3)
        self.assertIn("no change", self.migrate("zkserver").text.lower())

        first = min(number for number in (1, 2, 3) if number != self.leading())
        self.write(image=BROKEN_IMAGE, more=APACHE)
        with clients.Load(ADDRESSES, "/broken", session_s=20) as load:
            run = self.migrate("apache", code=GATE)
        self.assertIn(f"node {first} (172.18.0.{first + 1}): has its old server again", run.text)
        load.finish(self)
        self.assertEqual(self.flavors(), ["zkserver"] * 3)
        self.assertEqual(self.images(), [IMAGE] * 3)
        self.owners_are_right()
        self.assertEqual([self.copies(number) for number in (1, 2, 3)], [4 if number == first else 2 for number in (1, 2, 3)])
        self.assertEqual(len(engine.docker("ps", "-aq")[1].split()), 3)
        self.write()
        self.zkprov("plan", self.inventory, "--exit-code")
        self.in_sync()

        self.write(image=APACHE_IMAGE, more=APACHE)
        self.moved("apache", APACHE_IMAGE, "/back")

    def build_broken_image(self):
        """Of the official contract, but for a server."""
        place = programs.directory / "broken"
        place.mkdir(exist_ok=True)
        (place / "Dockerfile").write_text(f'FROM {APACHE_IMAGE}\nENTRYPOINT ["/bin/sh", "-c", "echo no server here; exit 3"]\n',
                                          encoding="utf-8")
        engine.docker("build", "-q", "-t", BROKEN_IMAGE, place)

    def migrate(self, flavor, *words, code=0):
        return self.zkprov("migrate", "--to", flavor, self.inventory, "--yes", *words, code=code, timeout=600)

    def refusals_change_nothing(self):
        before = self.started()
        self.migrate("zkserver", code=INVALID)  # not what the inventory says
        self.write()
        self.refused("runs Apache's server, and the inventory asks for zkprov's own; zkprov migrate --to zkserver")
        self.write(image=APACHE_IMAGE)
        self.assertIn(f"docker.image is {APACHE_IMAGE} for both servers", self.migrate("zkserver", code=PREFLIGHT).text)
        self.write(docker="host_port: 3181")
        self.assertIn("the published port (host_port) of its container", self.migrate("zkserver", code=PREFLIGHT).text)
        self.write(more="server: { config: { tickTime: 1900 } }")
        self.assertIn("zkprov apply that first, with flavor: apache", self.migrate("zkserver", code=PREFLIGHT).text)
        self.write()
        said = self.migrate("zkserver", "--dry-run").text
        for words in (f"move node 1: apache (image {APACHE_IMAGE}) to zkserver (image {IMAGE})", "leads until its turn", "3 restarts"):
            self.assertIn(words, said)
        self.assertEqual(self.started(), before)
        self.assertEqual([self.copies(number) for number in (1, 2, 3)], [0] * 3)

    def moved(self, flavor, image, root):
        """The move itself, under a load."""
        last = self.leading()
        with clients.Load(ADDRESSES, root, session_s=20) as load:
            run = self.migrate(flavor)
        self.assertEqual(self.flavors(), [flavor] * 3, str(run))
        self.assertEqual(self.images(), [image] * 3)
        self.assertRegex(run.out, r"\d+ writes acknowledged in .*, 0 lost; .*; 0 of 2 sessions lost")
        self.assertRegex(run.out, f"node 1: away .*before-{flavor}")
        started = self.started()
        self.assertEqual(max(started, key=started.get), NODES[last - 1], "the leader's turn is the last")
        load.finish(self)
        self.owners_are_right()
        self.in_sync()
        self.zkprov("plan", self.inventory, "--exit-code")
        self.assertEqual(len(engine.docker("ps", "-aq")[1].split()), 3)
        # As users reach them from elsewhere.
        for port in (2181, 2182, 2183):
            self.assertIn("Mode: ", clients.four_letter("127.0.0.1", "srvr", port=port))
        print("", *[line for line in run.out.splitlines() if "acknowledged" in line or "away" in line or line.startswith("led:")],
              sep="\n  ", file=sys.stderr)

    def in_sync(self):
        """Healthy, but for a server that ended three times within ten minutes: that stays a warning for as long."""
        eventually(lambda: "3 of 3 voters in sync" in self.zkprov("status", self.inventory, code=None).text, "all are in sync")

    @staticmethod
    def leading():
        """The leader's number, as the servers say it: there is no zkServer.sh in every image."""
        def look():
            for number, address in enumerate(ADDRESSES, 1):
                try:
                    if "Mode: leader" in clients.four_letter(address, "srvr"):
                        return number
                except OSError:
                    continue
            return None
        return eventually(look, "a server leads")

    @staticmethod
    def flavors():
        """Whose servers run, as their processes say."""
        programs_of = [os.readlink(f"/proc/{engine.inspect(name)['State']['Pid']}/exe") for name in NODES]
        return ["apache" if program.endswith("/java") else "zkserver" for program in programs_of]

    @staticmethod
    def images():
        return [engine.inspect(name)["Config"]["Image"] for name in NODES]

    @staticmethod
    def copies(number):
        return len(list(engine.host(f"{PLACE}/zk{number}").glob("data*.before-*")))

    def owners_are_right(self):
        """Both servers run as 1000:1000 and have to read and write what the other one wrote; what zkprov writes they read."""
        for number in (1, 2, 3):
            place = engine.host(f"{PLACE}/zk{number}")
            for name in ("data", "datalog", "logs"):
                for path in [place / name, *(place / name).rglob("*")]:
                    try:
                        status = path.stat()
                    except FileNotFoundError:
                        continue  # purged this moment
                    written = path.parent == place / "data" and path.name in ("myid", "zkprov.node")
                    self.assertEqual((status.st_uid, status.st_gid), (0 if written else 1000, 1000), str(path))
            self.assertTrue(list((place / "data/version-2").iterdir()))


class Single(Case):
    def test_the_guides_container(self):
        self.write(nodes="- { id: 1, container: zookeeper }", network="")
        self.apply()
        self.healthy()
        self.assertIn("no change", self.apply().text.lower())
        self.assertIn("Mode: standalone", engine.docker("exec", "zookeeper", "zkServer.sh", "status")[1])
        self.assertIn("Mode: standalone", clients.four_letter("127.0.0.1", "srvr"))
        self.assertEqual(list(engine.inspect("zookeeper")["NetworkSettings"]["Networks"]), ["bridge"])

    def test_the_hosts_network(self):
        self.write(nodes="- { id: 1-3 }", network="network: { driver: host }")
        self.apply()
        self.healthy()
        self.assertEqual(engine.inspect("demo-2")["HostConfig"]["NetworkMode"], "host")
        self.assertIn("no change", self.apply().text.lower())


class EndOfLife(Case):
    def test_containers_and_network_go_and_data_stay_until_asked_for(self):
        self.write()
        self.apply()
        self.healthy()
        with clients.Writer(ADDRESSES, "/end") as writer:
            writer.wait_for_more(20)
        self.zkprov("destroy", self.inventory, code=3)
        run = self.zkprov("destroy", self.inventory, "--confirm", "demo")
        self.assertIn("destroyed on 3 hosts", run.text)
        self.assertEqual(engine.docker("ps", "-aq")[1], "")
        self.assertNotIn("zoonet", engine.docker("network", "ls")[1])
        self.assertTrue(engine.docker("images", "-q", IMAGE)[1])
        for number in (1, 2, 3):
            left = {path.name for path in engine.host(f"{PLACE}/zk{number}").iterdir()}
            self.assertEqual(left, {"data", "datalog", "logs"})
        # The same data serve again.
        self.apply()
        self.healthy()
        client = clients.connect(ADDRESSES)
        self.assertEqual(set(writer.acknowledged) - {f"/end/{name}" for name in client.get_children("/end")}, set())
        clients.close(client)
        self.zkprov("destroy", self.inventory, "--confirm", "demo")
        run = self.zkprov("destroy", self.inventory, "--confirm", "demo", "--delete-data")
        self.assertIn("destroyed", run.text)
        self.assertFalse(engine.host(PLACE).exists())
        run = self.zkprov("destroy", self.inventory, "--confirm", "demo", "--delete-data")
        self.assertIn("nothing of it is installed", run.text)
        self.assertEqual(engine.docker("ps", "-aq")[1], "")

    def test_what_others_made_stays(self):
        engine.docker("network", "create", "--driver", "bridge", "--subnet=172.18.0.0/16", "--gateway=172.18.0.1", "zoonet")
        self.write()
        self.apply()
        self.healthy()
        engine.docker("run", "-d", "--name", "other", IMAGE)
        self.zkprov("destroy", self.inventory, "--confirm", "demo", "--delete-data")
        self.assertIn("zoonet", engine.docker("network", "ls")[1])
        self.assertIn("other", engine.docker("ps", "--format", "{{.Names}}")[1])


class Refusals(Case):
    def test_no_engine(self):
        self.write(socket="/data/none.sock")
        self.refused("there is no Docker engine at /data/none.sock: there is no such socket")
        self.nothing_there()

    def test_no_image(self):
        self.write(image="never:1")
        self.refused("the image never:1 is not on this host; bring it there")
        self.nothing_there()

    def test_an_archive_of_something_else(self):
        archive = programs.directory / "other.tar"
        engine.docker("save", "-o", archive, IMAGE)
        self.write(image="never:1", docker=f"archive: {archive}")
        run = self.apply(code=None)
        self.assertNotEqual(run.code, 0)
        self.assertIn("docker.archive holds no image by the name never:1", run.text)
        self.assertEqual(engine.docker("ps", "-aq")[1], "")
        archive.write_text("no tar", encoding="utf-8")
        self.assertIn("is no archive of an image", self.apply(code=None).text)

    def test_a_container_of_somebody_else(self):
        engine.docker("run", "-d", "--name", NODES[1], IMAGE)
        there = engine.inspect(NODES[1])["Id"]
        self.write()
        run = self.apply(code=PREFLIGHT)
        self.assertIn(f"there is a container {NODES[1]} already, and it is not zkprov's; it is not touched", run.text)
        self.nothing_made()
        now = engine.inspect(NODES[1])
        self.assertEqual((now["Id"], now["State"]["Running"]), (there, True))

    def test_a_subnet_of_another_network(self):
        engine.docker("network", "create", "--subnet=172.18.4.0/24", "other")
        self.write()
        self.refused("the subnet 172.18.0.0/16 overlaps with the network other (172.18.4.0/24)")
        self.nothing_there()

    def test_a_route_of_the_host(self):
        subprocess.run(engine.on_host("ip", "link", "add", "wide", "type", "bridge"), check=True)
        try:
            subprocess.run(engine.on_host("ip", "addr", "add", "172.18.200.1/24", "dev", "wide"), check=True)
            subprocess.run(engine.on_host("ip", "link", "set", "wide", "up"), check=True)
            self.write()
            self.refused("overlaps with a route of this host, behind wide (172.18.200.0/24)")
            self.nothing_there()
        finally:
            subprocess.run(engine.on_host("ip", "link", "del", "wide"), check=True)

    def test_a_network_that_is_another_one(self):
        engine.docker("network", "create", "--subnet=172.19.0.0/16", "zoonet")
        self.write()
        self.refused("the network zoonet is there already as bridge 172.19.0.0/16")

    def test_a_network_of_the_guides_line_is_taken_as_it_is(self):
        engine.docker("network", "create", "--driver", "bridge", "--subnet=172.18.0.0/16", "--gateway=172.18.0.1", "zoonet")
        self.write()
        self.apply()
        self.healthy()

    def test_a_taken_port(self):
        engine.docker("run", "-d", "--name", "other", "-p", "2182:2181", IMAGE)
        try:
            self.write()
            run = self.apply(code=PREFLIGHT)
            self.assertIn("port 2182 is taken", run.text)
            self.nothing_made()
        finally:
            engine.remove("other")

    def test_the_volume_of_another_server(self):
        data = engine.host(f"{PLACE}/zk2/data")
        data.mkdir(parents=True)
        (data / "myid").write_text("3\n", encoding="utf-8")
        self.write()
        self.refused(f"{PLACE}/zk2/data/myid says 3, this is server 2")
        self.assertEqual((data / "myid").read_text(encoding="utf-8"), "3\n")
        self.assertEqual(engine.docker("ps", "-aq")[1], "")


class Import(Case):
    """A guide's lines first, zkprov afterwards. The engine's host gets an sshd; /var/lib is a file system in memory there."""

    PORT = 2222

    @classmethod
    def setUpClass(cls):
        if not os.access("/usr/sbin/sshd", os.X_OK):
            skip("openssh-server is not installed (scripts/deps test installs it)")
        cls.place = programs.directory / "sshd"
        cls.place.mkdir(exist_ok=True)
        for name in ("host", "user"):
            if not (cls.place / name).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.place / name], check=True)
        key = (cls.place / "host.pub").read_text(encoding="utf-8").split()
        (cls.place / "known_hosts").write_text(f"[127.0.0.1]:{cls.PORT} {key[0]} {key[1]}\n", encoding="utf-8")
        (cls.place / "config").write_text(
            f"Port {cls.PORT}\nListenAddress 127.0.0.1\nHostKey {cls.place}/host\nAuthorizedKeysFile {cls.place}/user.pub\n"
            "PermitRootLogin prohibit-password\nUsePAM no\nStrictModes no\nPidFile none\n", encoding="utf-8")
        os.makedirs("/run/sshd", exist_ok=True)
        subprocess.run(engine.on_host("mount", "-t", "tmpfs", "lib", "/var/lib"), check=True)
        cls.addClassCleanup(subprocess.run, engine.on_host("umount", "-l", "/var/lib"), check=False)
        cls.sshd = subprocess.Popen(engine.on_host("/usr/sbin/sshd", "-D", "-e", "-f", cls.place / "config"),
                                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.sshd.wait, 20)
        cls.addClassCleanup(cls.sshd.terminate)

    def import_host(self, *words, code=0):
        return self.zkprov("import", "127.0.0.1", "--user", "root", "--ssh-port", self.PORT, "--key", self.place / "user",
                           "--known-hosts", self.place / "known_hosts", "--engine", engine.socket, *words, code=code)

    def guides_lines(self):
        engine.line(container_test.NETWORK)
        lines = container_test.members_lines(engine)
        for number in (1, 2, 3):
            engine.line(lines.format(id=number, last=number + 1, port=2180 + number))
        client = eventually(self.connect, "a leader", timeout_s=60)
        client.create("/before", b"kept")
        clients.close(client)

    @staticmethod
    def connect():
        try:
            return clients.connect(ADDRESSES)
        except Exception:  # noqa: BLE001: kazoo has many
            return None

    def test_the_guides_cluster(self):
        self.guides_lines()
        before = {name: engine.inspect(name)["Id"] for name in NODES}
        # By their names: other tests' servers run on this machine, too.
        names = [word for name in NODES for word in ("--container", name)]
        text = self.import_host("--cluster", "demo", *names).out
        for words in ("runtime: docker", f"directory: {PLACE}", "name: zoonet, driver: bridge, subnet: 172.18.0.0/16",
                      "address: 172.18.0.4", "container: zookeeper_node03", "autopurge.purgeInterval: 0"):
            self.assertIn(words, text)
        self.assertEqual("# servers 1, 2, 3: it is privileged" in text,
                         engine.inspect(NODES[0])["HostConfig"]["Privileged"])
        # What the agents of units need is not on this host: they are processes.
        local = re.sub(r"^ssh:\n(  .*\n)+", "", text, flags=re.MULTILINE).replace("runtime: ", "transport: local\nruntime: ")
        self.inventory.write_text(local, encoding="utf-8")
        self.assertIn("take in what runs already, as it is", self.zkprov("plan", self.inventory).out)
        run = self.apply(code=PREFLIGHT)
        for words in ("serves from the node's directories already", "zkprov apply --adopt"):
            self.assertIn(words, run.text)
        self.assertEqual({name: engine.inspect(name)["Id"] for name in NODES}, before)
        with clients.Writer(ADDRESSES, "/load") as writer:
            self.adopted(before, writer)
            self.taken_over(before, writer)
        client = clients.connect(ADDRESSES)
        self.assertEqual(client.get("/before")[0], b"kept")
        self.assertEqual(len(client.get_children("/load")), len(writer.acknowledged))
        clients.close(client)
        self.assertIn("no change", self.apply().text.lower())
        self.assertIn("with transport: local its inventory is on this host", self.import_host(code=PREFLIGHT).text)

    def findings(self):
        return [{finding["id"]: finding["level"] for finding in node.get("findings", [])} for node in self.status()["nodes"]]

    def adopted(self, before, writer):
        """Nothing of theirs is touched, and zkprov's commands are about them."""
        places = [engine.host(f"{PLACE}/zk{number}") for number in (1, 2, 3)]
        files = {path: path.read_bytes() for place in places for path in place.glob("conf/*")}
        started = self.started()
        self.apply("--adopt")
        self.assertEqual({name: engine.inspect(name)["Id"] for name in NODES}, before)
        self.assertEqual(self.started(), started)
        self.assertEqual({path: path.read_bytes() for place in places for path in place.glob("conf/*")}, files)
        eventually(lambda: all(found.get("unit.outside") == "warning" for found in self.findings()), "the agents see them")
        self.assertIn("no change", self.apply(code=None).text.lower())
        self.assertTrue(self.zkprov("logs", "2", self.inventory, "-n", "3").out)
        writer.wait_for_more(20)

    def taken_over(self, before, writer):
        """One at a time, the leader last; before that one whose container cannot start gets its own back."""
        engine.docker("tag", IMAGE, "kept:lab")
        try:
            self.build_broken_image()
            run = self.apply("--take-over", code=None)
            self.assertNotEqual(run.code, 0)
            self.assertRegex(run.text, r"the container zookeeper_node0\d serves again")
        finally:
            engine.docker("tag", "kept:lab", IMAGE)
        now = {name: engine.inspect(name) for name in NODES}
        self.assertEqual({name: told["Id"] for name, told in now.items()}, before)
        self.assertEqual({told["State"]["Running"] for told in now.values()}, {True})
        self.assertEqual(len({told["HostConfig"]["RestartPolicy"]["Name"] for told in now.values()}), 1)
        eventually(lambda: sorted(node["role"] for node in self.status()["nodes"]) == ["follower", "follower", "leader"],
                   "all serve again")
        writer.wait_for_more(20)
        last = self.leader()
        run = self.apply("--take-over", "-v")
        self.assertIn("3 restarts", run.text)
        self.healthy()
        after = self.started()
        self.assertEqual(max(after, key=after.get), NODES[last - 1])
        for name in NODES:
            self.assertNotEqual(engine.inspect(name)["Id"], before[name])
            old = engine.inspect(f"{name}.before-zkprov")
            self.assertEqual((old["Id"], old["State"]["Running"], old["HostConfig"]["RestartPolicy"]["Name"]),
                             (before[name], False, "no"))
        writer.wait_for_more(20)

    @staticmethod
    def build_broken_image():
        """By the same name: there is nothing in it that could be started."""
        context = programs.directory / "broken"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text("FROM kept:lab\nENTRYPOINT [\"/none\"]\n", encoding="utf-8")
        engine.docker("build", "-q", "-t", IMAGE, context)

    def test_bad_places(self):
        engine.docker("run", "-d", "--name", "zk", "-v", "named:/data", IMAGE)
        try:
            self.assertIn("its /data is in the engine's volume named", self.import_host(code=PREFLIGHT).text)
            run = self.import_host("--container", "none", code=PREFLIGHT)
            self.assertIn("no container of these names runs a ZooKeeper server", run.text)
            run = self.import_host("--engine", "/data/none.sock", code=PREFLIGHT)
            self.assertIn("there is no Docker engine at /data/none.sock", run.text)
        finally:
            engine.remove("zk")
            engine.docker("volume", "rm", "named", check=False)


class Compose(Case):
    def test_it_says_what_the_engine_has(self):
        """Each container as apply made it, in the words of a compose file."""
        import yaml
        self.write()
        self.apply()
        file = yaml.safe_load(self.zkprov("compose", self.inventory).out)
        self.assertEqual(sorted(file["services"]), sorted(NODES))
        for name, service in file["services"].items():
            container = engine.inspect(name)
            host, config = container["HostConfig"], container["Config"]
            self.assertEqual(service["image"], config["Image"])
            self.assertEqual(service["user"], config["User"])
            self.assertEqual(service["restart"], host["RestartPolicy"]["Name"])
            self.assertEqual(service["cap_drop"], host["CapDrop"])
            self.assertEqual(service["security_opt"], host["SecurityOpt"])
            self.assertEqual(service["read_only"], host["ReadonlyRootfs"])
            self.assertEqual(service["stop_grace_period"], f"{config['StopTimeout']}s")
            self.assertEqual(service["networks"]["zoonet"]["ipv4_address"],
                             container["NetworkSettings"]["Networks"]["zoonet"]["IPAMConfig"]["IPv4Address"])
            self.assertEqual(service["ports"], [f"{binding[0]['HostPort']}:{port.split('/')[0]}"
                                                for port, binding in host["PortBindings"].items()])
            self.assertEqual([(each["source"], each["target"], each.get("read_only", False)) for each in service["volumes"]],
                             [(each["Source"], each["Target"], each.get("ReadOnly", False)) for each in host["Mounts"]])
            for key, value in service["environment"].items():
                self.assertIn(f"{key}={value}", config["Env"])
            for key, value in service["labels"].items():
                self.assertEqual(config["Labels"][key], value)

    def test_compose_takes_it(self):
        """What apply made and wrote is served again by containers that docker-compose makes of the file."""
        self.write()
        self.apply()
        client = clients.connect(ADDRESSES)
        client.create("/kept", b"by its volumes")
        clients.close(client)
        file = programs.directory / "compose.yaml"
        file.write_text(self.zkprov("compose", self.inventory).out, encoding="utf-8")
        self.zkprov("stop", self.inventory, "--yes")
        engine.remove(*NODES)
        engine.docker("network", "rm", "zoonet")
        self.compose(file, "config", "-q")
        self.compose(file, "up", "-d")
        try:
            eventually(self.leader, "a leader")
            client = clients.connect(ADDRESSES)
            self.assertEqual(client.get("/kept")[0], b"by its volumes")
            clients.close(client)
        finally:
            self.compose(file, "down")
        self.assertEqual(engine.docker("ps", "-aq")[1], "")

    def compose(self, file, *words):
        command = ["docker-compose", "-p", "demo", "-f", str(file), *words]
        run = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL,
                             env=dict(os.environ, **engine.environment))
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
