#!/usr/bin/python3
"""Curator (Debian's libcurator-*-java) against our server and Apache's: the same steps, and no connection is lost."""
import os
import shutil
import subprocess
import tempfile
import unittest

from servers import APACHE, OURS, Ensemble

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = "CuratorProgram"
JARS = ":".join("/usr/share/java/%s.jar" % name for name in (
    "curator-client", "curator-framework", "curator-recipes", "zookeeper", "zookeeper-jute", "guava", "slf4j-api",
    "slf4j-nop"))
STEPS = ["operations", "background", "watch", "transaction", "mutex", "children", "latch", "number", "persistent",
         "containers", "ttl", "persistent_watcher", "cache", "removal", "after_all"]
# A server without a sweep so soon could not be told from one without any.
SETTINGS = {"extendedTypesEnabled": "true", "znode.container.checkIntervalMs": 500}
RUN_SECONDS = 300


class Curator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.classes = tempfile.mkdtemp(prefix="zkinterop-classes-")
        cls.addClassCleanup(shutil.rmtree, cls.classes)
        subprocess.run(["javac", "-Werror", "-Xlint:all,-classfile,-processing,-path", "-cp", JARS, "-d", cls.classes,
                        os.path.join(HERE, PROGRAM + ".java")], check=True, timeout=RUN_SECONDS)

    def run_against(self, flavor):
        with Ensemble([flavor], **SETTINGS) as ensemble:
            ensemble.start()
            done = subprocess.run(["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                                   self.classes + ":" + JARS, PROGRAM, ensemble[1].address],
                                  capture_output=True, text=True, timeout=RUN_SECONDS)
            self.assertTrue(ensemble[1].alive(), ensemble[1].log_tail())
        text = done.stdout + done.stderr
        lines = done.stdout.splitlines()
        for step in STEPS:
            self.assertIn("step %s ok" % step, lines, text)
        # Each client saw one CONNECTED and made one handle: no connection was lost, no session made anew.
        self.assertEqual([line for line in lines if line.startswith("states ")], ["states [CONNECTED]"] * 2, text)
        self.assertIn("changes 0", lines, text)
        self.assertEqual(done.returncode, 0, text)
        return [line for line in lines if line.startswith("handles ")]

    def test_ours(self):
        self.assertEqual(self.run_against(OURS), ["handles 1 1"])

    def test_apache(self):
        self.assertEqual(self.run_against(APACHE), ["handles 1 1"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
