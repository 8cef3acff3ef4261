#!/usr/bin/python3
"""Apache's own clients against our server: zkCli.sh and a program of its own (Java), cli_mt (C)."""
import os
import subprocess
import tempfile
import unittest

from servers import OURS, Ensemble, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = "ZooKeeperProgram"
JARS = ":".join("/usr/share/java/%s.jar" % name for name in ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop"))
STEPS = ["reads", "persistent", "recursive", "removal", "containers", "reconnect"]

ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"
CLI_MT = "/usr/lib/zookeeper/bin/cli_mt"


class StockClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble([OURS], extendedTypesEnabled="true", **{"znode.container.checkIntervalMs": 500})
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.ensemble.start()
        cls.address = cls.ensemble[1].address

    def zkcli(self, *commands):
        """Runs commands in one session of zkCli.sh; the text it prints."""
        done = subprocess.run([ZKCLI, "-server", self.address], input="\n".join(commands) + "\nquit\n",
                              capture_output=True, text=True, timeout=90,
                              env={"PATH": os.environ["PATH"], "JAVA_OPTS": "-Xmx64m"})
        return done.stdout + done.stderr

    def c_client(self, *commands):
        """Runs commands in one session of the C client, pausing between them for its asynchronous answers."""
        script = "".join("echo '%s'; sleep 0.4;" % command for command in commands) + "echo quit; sleep 0.3"
        done = subprocess.run("( sleep 1; %s ) | %s %s" % (script, CLI_MT, self.address), shell=True,
                              capture_output=True, text=True, errors="replace", timeout=60)
        return done.stdout + done.stderr

    def test_zkcli_nodes(self):
        text = self.zkcli("create /cli first", "create /cli/child data", "create -s /cli/s- x", "create -e /cli/e y",
                          "get /cli", "ls /cli", "set /cli second", "get -s /cli", "stat /cli/child",
                          "delete /cli/child", "deleteall /cli", "ls /", "get /cli")
        for expected in ["Created /cli\n", "Created /cli/child", "Created /cli/s-0000000001", "Created /cli/e", "first\n",
                         "[child, e, s-0000000001]", "second", "dataVersion = 1", "numChildren = 3",
                         "[zookeeper]", "Node does not exist: /cli"]:
            self.assertIn(expected, text)

    def test_zkcli_acls(self):
        text = self.zkcli("create /acl secret", "addauth digest alice:pw", "setAcl /acl auth:alice:pw:cdrwa",
                          "getAcl /acl", "get /acl", "sync /acl")
        for expected in ["'digest,'alice:", ": cdrwa", "secret"]:
            self.assertIn(expected, text)
        self.assertIn("Insufficient permission : /acl", self.zkcli("get /acl"))
        self.zkcli("addauth digest alice:pw", "delete /acl")

    def test_zkcli_watches(self):
        text = self.zkcli("create /w 0", "get -w /w", "set /w 1", "ls -w /w", "create /w/c", "stat -w /w/c", "delete /w/c",
                          "delete /w")
        for expected in ["type:NodeDataChanged path:/w", "type:NodeChildrenChanged path:/w", "type:NodeDeleted path:/w/c"]:
            self.assertIn(expected, text)

    def test_zkcli_newer_commands(self):
        text = self.zkcli(
            "addWatch -m PERSISTENT_RECURSIVE /new", "create /new 1", "create /new/a 1", "set /new/a 2", "set /new/a 3",
            "create -e /new/e x", "create -c /new/c", "create -t 1000000 /new/t x", "create -s -t 1000000 /new/s- x",
            "getEphemerals /new", "getAllChildrenNumber /new", "addauth digest carol:pw", "whoami", "ls -R /new",
            "removewatches /new", "set /new 9", "removewatches /new", "addWatch -m PERSISTENT /new/a", "delete /new/a",
            "create -t 0 /new/bad x", "create -c /new/c/d", "deleteall /new")
        for expected in ["type:NodeCreated path:/new\n", "type:NodeCreated path:/new/c\n", "type:NodeCreated path:/new/t\n",
                         "type:PersistentWatchRemoved path:/new\n", "type:NodeDeleted path:/new/a\n", "[/new/e]\n", "\n5\n",
                         "ip: 127.0.0.1\n", "digest: carol\n", "/new\n/new/a\n/new/c\n/new/e\n/new/s-0000000004\n/new/t\n",
                         "No such watcher for /new"]:
            self.assertIn(expected, text)
        self.assertEqual(text.count("type:NodeDataChanged path:/new/a\n"), 2)
        self.assertNotIn("type:NodeDataChanged path:/new\n", text)
        self.assertNotIn("NodeChildrenChanged", text)

    def test_zkcli_what_is_left_over_goes(self):
        self.zkcli("create /left", "create -c /left/c", "create -c /left/unused", "create /left/c/x", "delete /left/c/x",
                   "create -t 100 /left/t", "create -t 1000000 /left/later")
        wait_until("the clean-up", lambda: "[later, unused]" in self.zkcli("ls /left"), 30)
        self.zkcli("deleteall /left")

    def test_java_program(self):
        with tempfile.TemporaryDirectory(prefix="zkinterop-classes-") as classes:
            subprocess.run(["javac", "-Werror", "-Xlint:all,-classfile,-processing,-path", "-cp", JARS, "-d", classes,
                            os.path.join(HERE, PROGRAM + ".java")], check=True, timeout=300)
            done = subprocess.run(["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                                   classes + ":" + JARS, PROGRAM, self.address], capture_output=True, text=True, timeout=300)
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith("step ")],
                         ["step %s ok" % step for step in STEPS], done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_zkcli_errors(self):
        text = self.zkcli("create /e", "create /e", "create /x/y", "delete -v 5 /e", "delete /zookeeper/quota",
                          "create /e/c", "delete /e", "deleteall /e")
        for expected in ["Node already exists: /e", "Node does not exist: /x/y", "version No is not valid",
                         "Node not empty: /e"]:
            self.assertIn(expected, text)

    def test_c_client(self):
        text = self.c_client("create /c-node", "set /c-node some-data", "get /c-node", "stat /c-node", "create +e /c-eph",
                             "ls /", "sync /c-node", "delete /c-eph", "delete /c-node", "exists /c-node")
        for expected in ["Creating [/c-node] node", "some-data", "rc = 0", "c-eph"]:
            self.assertIn(expected, text)
        self.assertIn("Error -101 for /c-node", text)
        self.assertNotIn("connection loss", text.lower())


if __name__ == "__main__":
    unittest.main(verbosity=2)
