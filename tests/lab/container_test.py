#!/usr/bin/python3
"""Our container image under a real Docker engine: what people type for ZooKeeper's official image, with our image's name.

Run as root with the system's Python (which has kazoo):

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/container_test.py [-v] [TestClass[.test_name]]

The engine is Debian's docker.io. It runs in a network namespace that has no way out (zkbox) and in a mount namespace of its
own, where /data is a file system in memory: the lines below name directories of a host. It is stopped by its pid.
"""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from engine import IMAGE, NAMESPACE, Engine, docker_program  # noqa: E402
from programs import BIN, eventually  # noqa: E402

try:
    import clients
except ImportError:
    clients = None

SERVING_S = 60
STOP_S = 10  # docker stop kills after that
MAX_MB = 40

# A guide's way to one container, and to three on a bridge with fixed addresses.
ONE = """
docker run --name zookeeper -d -p 2181:2181
    -v /data/zookeeper/conf/zoo.cfg:/conf/zoo.cfg -v /data/zookeeper/data:/data -v /data/zookeeper/logs:/logs IMAGE
"""
NETWORK = "docker network create --driver bridge --subnet=172.18.0.0/16 --gateway=172.18.0.1 zoonet"
MEMBER = """
docker run -d --name zookeeper_node0{id} --restart always --privileged --network zoonet --ip 172.18.0.{last}
    -p {port}:2181 -v /data/zookeeper/cluster/zk{id}/data:/data -v /data/zookeeper/cluster/zk{id}/datalog:/datalog
    -v /data/zookeeper/cluster/zk{id}/logs:/logs -e ZOO_MY_ID={id}
    -e "ZOO_SERVERS=server.1=172.18.0.2:2888:3888;2181 server.2=172.18.0.3:2888:3888;2181 server.3=172.18.0.4:2888:3888;2181"
    IMAGE
"""
FOUND = "Client port found: 2181. Client address: localhost. Client SSL: false.\n"

engine = None


def skip(why):
    if os.environ.get("ZKPROV_REQUIRE_LAB"):
        raise AssertionError(f"may not be skipped: {why}")
    print(f"SKIPPED: {why}", file=sys.stderr)
    raise unittest.SkipTest(why)


def setUpModule():
    global engine
    if os.geteuid() != 0:
        skip("the engine needs root")
    if clients is None:
        skip("python3-kazoo is not installed for this Python (use /usr/bin/python3)")
    if docker_program() is None or shutil.which("dockerd") is None:
        skip("docker.io is not installed (scripts/deps test installs it)")
    for program in ("zkserver", "zkserver-entry"):
        if not (BIN / program).exists():
            skip(f"{BIN / program} is not built (set ZKPROV_BIN)")
    engine = Engine()
    atexit.register(engine.down)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engine.up()
    subprocess.run([str(HERE.parents[1] / "scripts/image"), IMAGE], check=True, stdout=sys.stderr,
                   env=dict(os.environ, ZKPROV_BIN=str(BIN), **engine.environment, ENGINE=docker_program()))
    clients.enter_namespace(NAMESPACE)


def status(name):
    return engine.docker("exec", name, "zkServer.sh", "status", check=False)


def serving(name):
    return status(name)[0] == 0


def members_lines(an_engine):
    """The guide's lines have a flag that nothing here needs, and that a machine which is a guest itself cannot give."""
    code, _, err = an_engine.docker("run", "--rm", "--privileged", IMAGE, "zkServer.sh", "version", check=False)
    if code != 0 and "unable to apply caps" in err:
        print("This machine's root has not all capabilities: the lines run without --privileged.", file=sys.stderr)
        return MEMBER.replace(" --privileged", "")
    return MEMBER


class Case(unittest.TestCase):
    def tearDown(self):
        names = engine.docker("ps", "-aq", check=False)[1].split()
        if names:
            engine.remove(*names)
        engine.docker("network", "rm", "zoonet", check=False)

    def until_serving(self, *names):
        for name in names:
            try:
                eventually(lambda: serving(name), f"{name} serves", timeout_s=SERVING_S)
            except AssertionError as error:
                said = "".join(engine.docker("logs", "--tail", "30", name, check=False)[1:])
                raise AssertionError(f"{error}\n{said}") from None

    def refused(self, *expected, command):
        """The container says why, ends with 2, and serves nobody."""
        code, _, err = engine.line(command, check=False)
        self.assertEqual(code, 2, err)
        for words in expected:
            self.assertIn(words, err)


class OneContainer(Case):
    def test_the_guides_line(self):
        conf = engine.host("/data/zookeeper/conf")
        conf.mkdir(parents=True)
        for name in ("data", "logs"):
            engine.host(f"/data/zookeeper/{name}").mkdir()
        (conf / "zoo.cfg").write_text("tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/data\ndataLogDir=/logs\n"
                                      "clientPort=2181\n", encoding="utf-8")
        engine.line(ONE)
        self.until_serving("zookeeper")
        self.assertEqual(status("zookeeper"), (0, FOUND + "Mode: standalone\n", "Using config: /conf/zoo.cfg\n"))
        self.assertIn("0.0.0.0:2181->2181/tcp", engine.docker("ps")[1])
        engine.docker("exec", "zookeeper", "zkCli.sh", "create", "/kept", "by the volume")
        # As a client of the host.
        client = clients.connect(["127.0.0.1"])
        self.assertEqual(client.get("/kept")[0], b"by the volume")
        clients.close(client)
        # Volumes of root are the server's now, which is no root.
        process = engine.inspect("zookeeper")["State"]["Pid"]
        self.assertIn("Uid:\t1000\t", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
        for path in ("data", "data/myid", "logs", "logs/version-2"):
            self.assertEqual(engine.host(f"/data/zookeeper/{path}").stat().st_uid, 1000, path)
        eventually(lambda: engine.health("zookeeper") == "healthy", "the health check says so")
        # SIGTERM ends it by itself, and nothing is lost.
        engine.docker("stop", "-t", STOP_S, "zookeeper")
        self.assertEqual(engine.inspect("zookeeper")["State"]["ExitCode"], 0)
        engine.remove("zookeeper")
        engine.line(ONE)
        self.until_serving("zookeeper")
        self.assertIn("by the volume", engine.docker("exec", "zookeeper", "zkCli.sh", "get", "/kept")[1])
        # A variable that the mounted file would silence.
        engine.remove("zookeeper")
        self.refused("ZOO_TICK_TIME wants tickTime=3000; the file says tickTime=2000",
                     command=ONE.replace(" -d ", " -e ZOO_TICK_TIME=3000 "))

    def test_nothing_said(self):
        engine.docker("run", "-d", "--name", "plain", IMAGE)
        self.until_serving("plain")
        self.assertEqual(status("plain")[1], FOUND + "Mode: standalone\n")
        code, _, err = engine.docker("run", "--rm", IMAGE, "zkServer.sh", "status", check=False)
        self.assertEqual(code, 1, err)
        self.assertIn("zkserver", engine.docker("run", "--rm", IMAGE, "zkServer.sh", "version")[1])
        self.assertEqual(engine.docker("run", "--rm", "--network", "container:plain", IMAGE, "zkCli.sh", "-server",
                                       "127.0.0.1:2181", "ls", "/")[1].strip().splitlines()[-1], "[zookeeper]")
        code, _, err = engine.docker("run", "--rm", IMAGE, "bash", check=False)
        self.assertEqual(code, 127)
        self.assertIn("no shell", err)

    def test_hardened(self):
        """Neither root nor any right of it, and a root file system that nobody can write to."""
        engine.docker("run", "-d", "--name", "hardened", "--read-only", "--user", "1000:1000", "--cap-drop", "ALL",
                      "--security-opt", "no-new-privileges", "-v", "kept:/data", "-v", "keptlog:/datalog",
                      "-e", "ZOO_TICK_TIME=1000", IMAGE)
        self.until_serving("hardened")
        eventually(lambda: engine.health("hardened") == "healthy", "the health check says so")
        self.assertEqual(engine.docker("diff", "hardened")[1], "")
        engine.docker("exec", "hardened", "zkCli.sh", "create", "/x", "y")
        engine.docker("restart", "-t", STOP_S, "hardened")
        self.until_serving("hardened")
        self.assertIn("y", engine.docker("exec", "hardened", "zkCli.sh", "get", "/x")[1])

    def test_the_image(self):
        image = engine.inspect(IMAGE)
        self.assertLess(image["Size"], MAX_MB * 1000 * 1000)
        print(f"the image has {image['Size'] / 1e6:.1f} MB", file=sys.stderr)
        self.assertEqual(sorted(image["Config"]["Volumes"]), ["/conf", "/data", "/datalog", "/logs"])
        self.assertEqual(sorted(image["Config"]["ExposedPorts"]), ["2181/tcp", "2888/tcp", "3888/tcp", "8080/tcp"])
        self.assertEqual(image["Config"]["Healthcheck"]["Test"], ["CMD", "zkServer.sh", "health"])


class Cluster(Case):
    @classmethod
    def setUpClass(cls):
        cls.lines = members_lines(engine)

    def member(self, number):
        return engine.line(self.lines.format(id=number, last=number + 1, port=2180 + number))

    def test_the_guides_lines(self):
        engine.line(NETWORK)
        for number in (1, 2, 3):
            for name in ("data", "datalog", "logs"):
                engine.host(f"/data/zookeeper/cluster/zk{number}/{name}").mkdir(parents=True)
        names = [f"zookeeper_node0{number}" for number in (1, 2, 3)]
        self.member(1)
        # Alone it serves nobody, and says so.
        eventually(lambda: "server.started" in "".join(engine.docker("logs", names[0])[1:]), "the first has started")
        self.assertEqual(status(names[0])[:2], (1, FOUND + "Error contacting service. It is probably not running.\n"))
        code, out, _ = engine.docker("exec", names[0], "zkServer.sh", "health", check=False)
        self.assertEqual(code, 1, out)
        self.member(2)
        self.member(3)
        self.until_serving(*names)
        modes = sorted(status(name)[1] for name in names)
        self.assertEqual(modes, [FOUND + "Mode: follower\n", FOUND + "Mode: follower\n", FOUND + "Mode: leader\n"])
        engine.docker("exec", names[0], "zkCli.sh", "create", "/shared", "by all three")
        engine.docker("exec", names[2], "zkCli.sh", "sync", "/shared")
        self.assertIn("by all three", engine.docker("exec", names[2], "zkCli.sh", "get", "/shared")[1])
        # By the fixed addresses, and by the host's ports.
        for host in ("172.18.0.2", "172.18.0.3", "172.18.0.4"):
            self.assertIn("Mode: ", clients.four_letter(host, "srvr"))
        with clients.Writer(["172.18.0.2", "172.18.0.3", "172.18.0.4"], "/load") as writer:
            self.killed_and_back(names[1])
            writer.wait_for_more(20)
        client = clients.connect(["172.18.0.2", "172.18.0.3", "172.18.0.4"])
        self.assertEqual(len(client.get_children("/load")), len(writer.acknowledged))
        clients.close(client)
        self.another_servers_volume()

    def killed_and_back(self, name):
        """The restart policy brings back what died; docker kill would count as a wish."""
        process = engine.inspect(name)["State"]["Pid"]
        os.kill(process, signal.SIGKILL)
        eventually(lambda: engine.inspect(name)["RestartCount"] == 1, "the engine starts it again")
        self.until_serving(name)

    def another_servers_volume(self):
        engine.remove("zookeeper_node03")
        command = self.lines.format(id=3, last=4, port=2183).replace("ZOO_MY_ID=3", "ZOO_MY_ID=2")
        command = command.replace("-d --name zookeeper_node03 --restart always", "--name zookeeper_node03")
        self.refused("ZOO_MY_ID is 2, but the volume at /data is that of server 3", command=command)
        engine.remove("zookeeper_node03")
        self.member(3)
        self.until_serving("zookeeper_node03")


if __name__ == "__main__":
    unittest.main()
