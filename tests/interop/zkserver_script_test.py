#!/usr/bin/env python3
"""packaging/zkServer.sh beside Apache's script of this name: the same words, the same answers and exit codes, on three servers
of one ensemble (one of Apache's, started by Apache's script, and two of ours), and what ours does better. And the scripts
beside it, which call other parts of the same program."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import servers
from raw_client import CREATE, RawClient, create_body

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
APACHES = "/usr/share/zookeeper/bin/zkServer.sh"
PATIENCE_S = 90


class Host:
    """A server with its own prefix, and the script that is meant to steer it."""

    def __init__(self, server, flavor):
        self.server = server
        self.prefix = pathlib.Path(server.folder)
        self.logs = self.prefix / "logs"
        self.logs.mkdir(exist_ok=True)
        self.script = APACHES
        if flavor == servers.OURS:
            bin_dir = self.prefix / "bin"
            bin_dir.mkdir()
            for script in ("zkServer.sh", "zkCli.sh", "zkdata"):
                shutil.copy(PACKAGING / script, bin_dir / script)
            os.symlink(servers.zkserver_path(), bin_dir / "zkserver")
            self.script = str(bin_dir / "zkServer.sh")
        self.pid_file = pathlib.Path(server.data_dir) / "zookeeper_server.pid"

    def run(self, *words, **environment):
        """(exit code, stdout, stderr). The configuration is named, since Debian's file of Apache's script knows only its own."""
        words = words if len(words) != 1 else (words[0], str(self.prefix / "zoo.cfg"))
        done = subprocess.run(
            [self.script, *words], capture_output=True, text=True, timeout=PATIENCE_S,
            env={"PATH": os.environ["PATH"], "HOME": "/root", "USER": "root", "ZOO_LOG_DIR": str(self.logs),
                 "JMXDISABLE": "true", "ZK_SERVER_HEAP": "160", **environment})
        return done.returncode, done.stdout, done.stderr

    def said(self, *words, **environment):
        """(exit code, stdout) without what differs from server to server."""
        code, out, _ = self.run(*words, **environment)
        for particular, general in ((str(self.pid_file), "PIDFILE"), (str(self.server.client_port), "PORT")):
            out = out.replace(particular, general)
        return code, re.sub(r"process \d+", "process N", out)

    def pid(self):
        return int(self.pid_file.read_text())

    def end(self):
        """Whatever a test left running."""
        try:
            pid = self.pid()
            words = pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
        except (OSError, ValueError):
            return
        if str(self.prefix).encode() in words:
            os.kill(pid, signal.SIGKILL)


class ZkServerScript(unittest.TestCase):
    def setUp(self):
        flavors = [servers.APACHE, servers.OURS, servers.OURS]
        self.ensemble = servers.Ensemble(flavors)
        self.addCleanup(self.ensemble.__exit__, None, None, None)
        self.hosts = [Host(server, flavor) for server, flavor in zip(self.ensemble.servers, flavors)]
        for host in self.hosts:
            self.addCleanup(host.end)
            self.name_port_alone(host)
        self.apaches, self.ours, self.second = self.hosts

    def name_port_alone(self, host):
        """In a line of its own, as before 3.5."""
        config = host.prefix / "zoo.cfg"
        text = re.sub(r":participant;\S+", "", config.read_text())
        config.write_text(text + "clientPort=%d\n" % host.server.client_port)

    def both(self, *words, **environment):
        """What both say to the same words."""
        apaches, ours = self.apaches.said(*words, **environment), self.ours.said(*words, **environment)
        self.assertEqual(ours, apaches, words)
        return ours

    def other_parts_of_the_program(self, host):
        def run(script, *words):
            # By a link from elsewhere, as in a directory of PATH.
            link = host.prefix / ("link-to-" + script)
            if not link.is_symlink():
                os.symlink(host.prefix / "bin" / script, link)
            done = subprocess.run([str(link), *words], capture_output=True, text=True, timeout=PATIENCE_S)
            return done.returncode, done.stdout.splitlines()[-1:]

        address = "127.0.0.1:%d" % host.server.client_port
        self.assertEqual(run("zkCli.sh", "-server", address, "ls", "/zookeeper"), (0, ["[config, quota]"]))
        self.assertEqual(run("zkCli.sh", "-server", address, "ls", "/none")[0], 1)
        self.assertEqual(run("zkdata", "check", host.server.data_dir), (0, [host.server.data_dir + ": whole"]))
        self.assertEqual(run("zkdata", "no-such-word")[0], 2)

    def test_the_life_of_a_server(self):
        self.assertEqual(self.both("stop")[0], 0)
        self.assertEqual(self.both("status")[0], 1)
        self.assertEqual(self.both("start"), (0, "Starting zookeeper ... STARTED\n"))
        self.assertEqual(self.both("start"), (1, "Starting zookeeper ... already running as process N.\n"))
        self.assertEqual(self.second.said("start")[0], 0)

        def modes():
            answers = [host.said("status") for host in self.hosts]
            return answers if all(code == 0 for code, _ in answers) else None
        answers = servers.wait_until("three servers that serve", modes)
        head = "Client port found: PORT. Client address: localhost. Client SSL: false.\nMode: "
        self.assertEqual(sorted(out for _, out in answers),
                         [head + "follower\n", head + "follower\n", head + "leader\n"])
        self.other_parts_of_the_program(self.ours)
        before = self.ours.pid()
        self.assertEqual(self.ours.said("restart"), (0, "Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n"))
        self.assertNotEqual(self.ours.pid(), before)
        self.assertEqual(self.both("stop"), (0, "Stopping zookeeper ... STOPPED\n"))
        self.assertFalse(pathlib.Path("/proc/%d" % before).exists())
        self.assertEqual(self.both("stop"), (0, "Stopping zookeeper ... no zookeeper to stop (could not find file PIDFILE)\n"))
        # Two of three are gone.
        servers.wait_until("no quorum", lambda: self.second.said("status")[0] == 1)
        self.assertEqual(self.second.said("stop")[0], 0)

    def test_words_that_start_nothing(self):
        code, out, err = self.ours.run()
        self.assertEqual((code, out), (0, ""))
        told = self.apaches.run()[2].splitlines()[-1]
        self.assertEqual(err.strip().replace(self.ours.script, "X").replace(" [<config>]", ""), told.replace(APACHES, "X"))
        self.assertEqual(self.ours.run("strat")[0], 2, "Apache's says 0 to a word that it does not know")
        code, out, _ = self.ours.run("version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"^zkserver \d+\.\d+\.\d+")
        code, out, _ = self.ours.run("print-cmd")
        self.assertEqual((code, out), (0, '"%s" "%s"\n' % (self.ours.prefix.resolve() / "bin" / "zkserver",
                                                          self.ours.prefix / "zoo.cfg")))
        by_folder = self.ours.run("--config", str(self.ours.prefix), "print-cmd")
        self.assertEqual(by_folder[1], out)

    def test_flags_of_the_java_machine(self):
        """Files and variables as operators know them: the properties among them have their effect."""
        folder = self.ours.prefix
        (folder / "zookeeper-env.sh").write_text(
            'SERVER_JVMFLAGS="$SERVER_JVMFLAGS -Dzookeeper.globalOutstandingLimit=77 -Dzookeeper.cnxTimeout=4321"\n')
        (folder / "java.env").write_text(
            'export JVMFLAGS="-Dzookeeper.globalOutstandingLimit=78 -Xmx100m $JVMFLAGS"\n')
        code, out, _ = self.ours.run("print-cmd", ZOOCFGDIR=str(folder))
        self.assertEqual((code, out), (0, '"%s" "--java-flags" "SERVER_JVMFLAGS= -Dzookeeper.globalOutstandingLimit=77 '
                                          '-Dzookeeper.cnxTimeout=4321" "--java-flags" "JVMFLAGS='
                                          '-Dzookeeper.globalOutstandingLimit=78 -Xmx100m " "%s"\n' %
                                          (self.ours.prefix.resolve() / "bin" / "zkserver", self.ours.prefix / "zoo.cfg")))
        given = "-Djute.maxbuffer=4194304 -Dzookeeper.no.such=1"
        self.assertEqual(self.ours.run("start", ZOOCFGDIR=str(folder), SERVER_JVMFLAGS=given)[:2],
                         (0, "Starting zookeeper ... STARTED\n"))
        self.assertEqual(self.second.run("start", JVMFLAGS="-Djute.maxbuffer=4194304")[0], 0)
        servers.wait_until("two servers that serve",
                           lambda: all(host.said("status")[0] == 0 for host in (self.ours, self.second)))
        log = "".join(path.read_text() for path in self.ours.logs.iterdir())
        for told in ("SERVER_JVMFLAGS: -Dzookeeper.no.such=1: no property of this server", "JVMFLAGS: -Xmx100m: for the Java machine"):
            self.assertIn(told, log)
        with RawClient(self.ours.server.client_port) as raw:
            raw.connect()
            self.assertEqual(raw.call(1, CREATE, create_body("/large", b"x" * (2 * 1024 * 1024)))[2], 0)
        self.assertEqual(self.ours.said("stop")[0], 0)
        self.assertEqual(self.second.said("stop")[0], 0)

    def test_a_port_behind_the_member(self):
        config = self.ours.prefix / "zoo.cfg"
        port = self.ours.server.client_port
        text = config.read_text().replace("clientPort=%d\n" % port, "")
        for place, address in (("127.0.0.1:", "127.0.0.1"), ("", "localhost"), ("[::1]:", "::1"), ("0.0.0.0:", "localhost")):
            mine = "server.2=127.0.0.1:%d:%d;%s%d" % (self.ours.server.quorum_port, self.ours.server.election_port, place, port)
            config.write_text(re.sub(r"server\.2=.*", mine, text))
            code, out = self.ours.said("status")
            self.assertEqual((code, out.splitlines()[1]),
                             (1, "Client port found: PORT. Client address: %s. Client SSL: false." % address))
        config.write_text(text)
        code, out = self.ours.said("status")
        self.assertEqual((code, out.splitlines()[-1]),
                         (1, "Unable to find either secure or unsecure client port in any configs. Terminating."))

    def test_a_server_that_cannot_start_says_why(self):
        config = self.ours.prefix / "zoo.cfg"
        config.write_text(config.read_text() + "tickTime=never\n")
        code, out, err = self.ours.run("start")
        self.assertEqual((code, out), (1, "Starting zookeeper ... FAILED TO START\n"))
        self.assertIn("tickTime", err)
        self.assertFalse(self.ours.pid_file.exists())
        code, _, err = self.ours.run("start", "no/such.cfg")
        self.assertEqual(code, 1)
        self.assertIn("no/such.cfg cannot be read by", err)

    def test_a_number_that_another_process_has_is_no_server(self):
        self.ours.pid_file.write_text(str(os.getpid()))
        self.assertEqual(self.ours.said("stop"),
                         (0, "Stopping zookeeper ... no zookeeper to stop (the process that PIDFILE named has ended)\n"))
        self.ours.pid_file.write_text(str(os.getpid()))
        self.assertEqual(self.ours.said("start")[0], 0)
        self.assertNotEqual(self.ours.pid(), os.getpid())
        self.assertEqual(self.ours.said("stop")[0], 0)

    def test_an_absent_data_directory_is_made_only_where_it_may(self):
        self.assertEqual(self.ours.said("start", ZOO_DATADIR_AUTOCREATE_DISABLE="1"),
                         (1, "Starting zookeeper ... FAILED TO START\n"))
        code, _, err = self.ours.run("start", ZOO_DATADIR_AUTOCREATE_DISABLE="1")
        self.assertEqual(code, 1)
        self.assertIn("version-2 is missing", err)


if __name__ == "__main__":
    unittest.main()
