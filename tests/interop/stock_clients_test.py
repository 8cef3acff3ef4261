#!/usr/bin/python3
"""Apache's own clients against our server: zkCli.sh (Java) and cli_mt (C)."""
import os
import subprocess
import unittest

from servers import OURS, Ensemble

ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"
CLI_MT = "/usr/lib/zookeeper/bin/cli_mt"


class StockClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble([OURS])
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
