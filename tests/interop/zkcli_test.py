#!/usr/bin/python3
"""zkcli beside Apache's zkCli.sh: the same commands through both against Apache's server and against ours, what they print on
which stream and with which exit code; watches; a session that goes on when its server is killed; a terminal.

Lines that differ on purpose (docs/ZKCLI.md, "Differences to zkCli.sh") are not in the lists here.
"""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from servers import APACHE, OURS, Ensemble, wait_until, zkserver_path

ZKCLI_SH = "/usr/share/zookeeper/bin/zkCli.sh"
ZKCLI = os.path.join(os.path.dirname(zkserver_path()), "zkcli")

# What is the run's and not the client's.
VARYING = [(re.compile(r"0x[0-9a-f]+"), "0xZ"), (re.compile(r"(Created /\S*?)\d{10}$"), r"\1N"),
           (re.compile(r"\b\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}"), "WHEN"),
           (re.compile(r"^version=.*"), "version=V"), (re.compile(r"^[0-9a-f]+ (127\.0\.0\.1:)"), r"V \1")]
# Of Java and its start.
JAVA_ONLY = re.compile(r"^(SLF4J: .*|JLine support is .*)$")

# In order: each builds on those before it.
COMMANDS = [
    "create /z hello", "create /z/q 'single quoted' world:anyone:r", 'create /z/e "a b c"', "create -s /z/seq- x",
    "create -s -e /z/eseq- x", "create -e /z/eph y", "create /z/empty \"\"", "create /z/null", "create /z/acl d world:anyone:r,ip:127.0.0.1:cdrwa",
    "create /z", "create /none/x", "create z", "create", "create \"\" x", "create /z/x/", "create / x", "create /z/eph/below",
    "create -t 5 -e /z/t", "create -c -e /z/t", "create -t -5 /z/t", "create -t 99999999999999 /z/t", "create /z/bad d foo:bar:r",
    "get /z", "get -s /z", "get /z -s", "get -s -- /z", "get /z/e", "get /z/empty", "get /z/null", "get /z/q", "get /none", "get z",
    "set /z \"new data\"", "set -s /z x", "set -v 99 /z y", "set /none x", "get /z",
    "ls /z", "ls -s /z", "ls -R /z", "ls /none", "ls", "ls ''", "  ls    /z  ", "stat /z", "stat /none", "stat /z/eph",
    "getAcl /z", "getAcl -s /z/acl", "getAcl /none", "getAcl",
    "setAcl /z world:anyone:cdrwa", "setAcl -s /z world:anyone:cdra", "setAcl /z world:anyone:cdrwa", "setAcl -v 99 /z world:anyone:cdrwa",
    "setAcl /none world:anyone:r", "setAcl /z auth::r", "setAcl /z", "setAcl -R /z/e world:anyone:cdrwa",
    "addauth digest u:p", "create /z/mine secret auth::cdrwa", "getAcl /z/mine", "get /z/mine", "delete /z/mine",
    "create /z/closed x world:anyone:r", "set /z/closed y", "create /z/closed/x", "create /z/none x digest:u:x:cdrwa", "get /z/none", "delete /z/none",
    "sync /z", "sync", "printwatches", "printwatches off", "printwatches", "printwatches on",
    "delete /z", "delete -v 88 /z/q", "delete /none", "delete z", "delete /z/q", "delete /", "delete /z/e 0", "delete",
    "config", "config -c", "reconfig -remove 3", "reconfig -members a -file b -v 1 -x", "history x", "redo 100000",
    "listquota /z", "delquota /z", "setquota -n 5 /none", "setquota -n 3 /z", "setquota -b 4 /z", "setquota -N 70 /z", "listquota /z",
    "setquota -n 5 /z/acl", "get /zookeeper/quota/z/zookeeper_limits", "delquota -n /z", "listquota /z", "delquota /z", "listquota /z",
    "ls -R /zookeeper", "setquota -n 4 /z/acl", "setquota -n 4 /z", "delquota /z/acl", "ls -R /zookeeper",
    "create /d", "create /d/a", "create /d/a/b", "create /d/c", "deleteall /d -b 2", "ls /d", "create /d", "deleteall /d", "deleteall /d",
    # No close and connect: Apache's client tells of both from another thread, before or behind what the next command prints.
    "deleteall /z",  # with its ephemeral nodes: Apache's list of several is in no order
]
SKIPPED_TEXT = {"reconfig -members a -file b -v 1 -x", "history x"}  # other words on purpose; the exit code counts

NEWER = ["create -c /n", "create -t 60000 /n/ttl data", "get /n", "getAllChildrenNumber /n", "getAllChildrenNumber /none",
         "create -e /n2", "getEphemerals", "getEphemerals /n2", "getEphemerals /zzz", "whoami"]

WATCHES = ["create /w a", "get -w /w", "set /w b", "set /w c", "ls -w /w", "create /w/x", "stat -w /none", "create /none", "delete /none",
           "get -w /w", "ls -w /w", "deleteall /w"]
LASTING_WATCHES = [
    "create /p", "addWatch -m PERSISTENT /p", "set /p 1", "create /p/x", "create /p/x/y", "get -w /p", "removewatches /p -d", "removewatches /p -d",
    "addWatch -m BOGUS /p", "addWatch", "create /r", "addWatch -m PERSISTENT_RECURSIVE /r", "create /r/x", "create /r/x/y", "set /r/x/y 1", "removewatches /r",
    "removewatches /r", "removewatches", "set /r 2", "removewatches /zzz -l", "get -w /r", "ls -w /r", "removewatches /r"]


def cleaned(text):
    lines = []
    for line in text.splitlines():
        if JAVA_ONLY.match(line):
            continue
        for pattern, instead in VARYING:
            line = pattern.sub(instead, line)
        lines.append(line)
    return lines


class Lines:
    """A client fed from a pipe, and what it says on both streams."""

    def __init__(self, program, address, *options):
        self.process = subprocess.Popen([program, "-server", address, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"], "JAVA_OPTS": "-Xmx64m -XX:TieredStopAtLevel=1"})
        self.said = {"out": "", "err": ""}
        self.read_until(lambda: "SyncConnected" in self.said["out"], "a session")

    def read_until(self, met, what, seconds=60, quiet_s=0.25):
        """Reads until `met`, or, without it, until nothing has come for `quiet_s`."""
        streams = {self.process.stdout.fileno(): "out", self.process.stderr.fileno(): "err"}
        deadline = time.monotonic() + seconds
        while met is None or not met():
            left = quiet_s if met is None else deadline - time.monotonic()
            if met is not None and left <= 0:
                raise AssertionError("waited in vain for %s; there is %r" % (what, self.said))
            ready = select.select(list(streams), [], [], left)[0]
            if met is None and not ready:
                return
            for fd in ready:
                piece = os.read(fd, 65536)
                if not piece:
                    if self.process.poll() is not None:
                        return
                    time.sleep(0.01)
                self.said[streams[fd]] += piece.decode(errors="replace")

    def send(self, line):
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def command(self, line, marker, events):
        """What a command prints, up to what a command with a known answer prints behind it. Where there are `events`, another
        thread prints them, at any time; all else is in its pipe before that answer is in its."""
        before = {name: len(text) for name, text in self.said.items()}
        self.send(line)
        self.send("ls /marker-%d" % marker)
        mark = "Node does not exist: /marker-%d\n" % marker
        closed = "Not connected\n"
        self.read_until(lambda: mark in self.said["err"] or closed in self.said["out"][before["out"]:], line)
        self.read_until(None, line, quiet_s=0.25 if events else 0)
        return {name: cleaned(text[before[name]:].replace(mark, "")) for name, text in self.said.items()}

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(60)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def transcript(program, address, commands, events):
    """Per command, the lines on both streams; the events among them apart, since Apache's come from another thread."""
    client = Lines(program, address)
    client.read_until(None, "the rest of what tells of the session")
    told = []
    for number, command in enumerate(commands):
        said = client.command(command, number, events)
        happened = sorted(line for line in said["out"] if line.startswith("WatchedEvent"))
        out = [line for line in said["out"] if line not in ("", "WATCHER::") and not line.startswith("WatchedEvent")]
        if command in SKIPPED_TEXT:
            told.append((command, [], [], []))
        else:
            told.append((command, out, [usage_apart(line) for line in said["err"]], happened))
    client.end()
    return told


def usage_apart(line):
    """Usage lines name options of ours."""
    return re.sub(r"^(get|set|removewatches|addWatch|reconfig) \[?-?.*|^removewatches path .*", r"usage of \1", line)


def run(program, *words, server=None, text=None):
    options = ["-server", server] if server else []
    done = subprocess.run([program, *options, *words], input=text, capture_output=True, text=True, timeout=90,
                          env={"PATH": os.environ["PATH"], "JAVA_OPTS": "-Xmx64m -XX:TieredStopAtLevel=1", "HOME": "/nonexistent"})
    return done.returncode, done.stdout, done.stderr


class SameAsApaches(unittest.TestCase):
    """Each class of commands through both clients, against both servers."""

    @classmethod
    def setUpClass(cls):
        cls.apaches = Ensemble([APACHE], extendedTypesEnabled="true")
        cls.addClassCleanup(cls.apaches.__exit__, None, None, None)
        cls.ours = Ensemble([OURS], extendedTypesEnabled="true")
        cls.addClassCleanup(cls.ours.__exit__, None, None, None)
        for ensemble in (cls.apaches, cls.ours):
            ensemble.start()

    def clear(self, address):
        for path in ("/z", "/d", "/n", "/n2", "/w", "/p", "/r", "/none"):
            run(ZKCLI, "deleteall", path, server=address)

    def compare(self, ensemble, commands, events=False):
        self.maxDiff = None
        address = ensemble[1].address
        theirs = transcript(ZKCLI_SH, address, commands, events)
        self.clear(address)
        mine = transcript(ZKCLI, address, commands, events)
        self.clear(address)
        for their, my in zip(theirs, mine):
            with self.subTest(command=their[0]):
                self.assertEqual(their, my)
        self.assertGreater(sum(len(out) + len(err) for _, out, err, _ in mine), len(commands) // 2)

    def test_commands_against_apaches_server(self):
        self.compare(self.apaches, COMMANDS + NEWER)

    def test_commands_against_our_server(self):
        self.compare(self.ours, COMMANDS + NEWER)

    def test_watches(self):
        for ensemble in (self.apaches, self.ours):
            with self.subTest(server=ensemble[1].flavor):
                self.compare(ensemble, WATCHES, events=True)

    def test_lasting_watches(self):
        for ensemble in (self.apaches, self.ours):
            with self.subTest(server=ensemble[1].flavor):
                self.compare(ensemble, LASTING_WATCHES, events=True)

    def test_exit_codes_of_single_commands(self):
        address = self.apaches[1].address
        run(ZKCLI, "create", "/z", "x", server=address)
        for words in (["ls", "/"], ["bogus"], ["get"], ["get", "/none"], ["get", "-z"], ["delete", "z"], ["create", "/z", "x"],
                      ["listquota", "/none"], ["removewatches", "/z"], ["quit"]):
            with self.subTest(words=words):
                their_code, their_out, their_err = run(ZKCLI_SH, *words, server=address)
                my_code, my_out, my_err = run(ZKCLI, *words, server=address)
                self.assertEqual(their_code, my_code)
                # Whether the session came up before the client was done is chance for Apache's.
                kept = [[line for line in cleaned(text) if line not in ("", "WATCHER::") and not line.startswith("WatchedEvent")]
                        for text in (their_out, my_out)]
                self.assertEqual(kept[0], kept[1])
                if words[0] not in ("bogus", "get"):
                    self.assertEqual(cleaned(their_err), cleaned(my_err))
        run(ZKCLI, "delete", "/z", server=address)

    def test_words_of_a_single_command_are_taken_as_they_are(self):
        for ensemble in (self.apaches, self.ours):
            address = ensemble[1].address
            data = " two  'words' and a \" "
            self.assertEqual(run(ZKCLI, "create", "/z", data, server=address)[0], 0)
            self.assertIn("\n" + data + "\n", run(ZKCLI_SH, "get", "/z", server=address)[1])
            self.assertIn("\n" + data + "\n", run(ZKCLI, "get", "/z", server=address)[1])
            self.assertEqual(run(ZKCLI, "delete", "/z", server=address)[0], 0)

    def test_chroot(self):
        for ensemble in (self.apaches, self.ours):
            address = ensemble[1].address
            run(ZKCLI, "create", "/z", server=address)
            self.assertEqual(run(ZKCLI, "create", "/in", "x", server=address + "/z")[2], "Created /in\n")
            self.assertIn("[in]", run(ZKCLI, "ls", "/", server=address + "/z")[1])
            self.assertIn("[in]", run(ZKCLI, "ls", "/z", server=address)[1])
            code, _, err = run(ZKCLI, "ls", "/", server=address + "/none")
            self.assertEqual((code, err), (1, "Node does not exist: /\n"))
            run(ZKCLI, "deleteall", "/z", server=address)

    def test_no_server(self):
        code, _, err = run(ZKCLI, "ls", "/", server="127.0.0.1:1")
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("KeeperErrorCode = ConnectionLoss for /\n"), err)
        code, _, err = run(ZKCLI, "-timeout", "300", "-waitforconnection", "ls", "/", server="127.0.0.1:1")
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("KeeperErrorCode = ConnectionLoss\n"), err)
        # The first one is not there; the second is.
        code, out, _ = run(ZKCLI, "ls", "/", server="127.0.0.1:1," + self.ours[1].address)
        self.assertEqual(code, 0)
        self.assertIn("zookeeper", out)

    def test_an_identity_that_is_refused_ends_the_session(self):
        code, _, err = run(ZKCLI, "addauth", "bogus", "x", server=self.apaches[1].address)
        self.assertEqual((code, err), (1, "KeeperErrorCode = AuthFailed\n"))
        for ensemble in (self.apaches, self.ours):
            code, out, _ = run(ZKCLI, server=ensemble[1].address, text="ls /\naddauth bogus x\nls /\nconnect\nls /\n")
            self.assertEqual(code, 0)
            self.assertIn("state:AuthFailed", out)
            self.assertIn("Not connected\n", out)
            self.assertTrue(out.endswith("[zookeeper]\n"), out)

    def test_json(self):
        for ensemble in (self.apaches, self.ours):
            address = ensemble[1].address
            script = "\n".join(["create /z \"a b\"", "get -w /z", "get -b /z", "ls -R /z", "getAcl /z", "get /none", "bogus", "get",
                                "create /z/x", "set /z y", "stat /z", "config", "deleteall /z", "close", "ls /"])
            code, out, err = run(ZKCLI, "--json", server=address, text=script)
            lines = [json.loads(line) for line in out.splitlines()]
            self.assertEqual((code, err), (1, ""))
            events = [line["event"] for line in lines if "event" in line]
            self.assertIn({"type": "NodeDataChanged", "state": "SyncConnected", "path": "/z"}, events)
            answers = [line for line in lines if "event" not in line]
            self.assertEqual(len(answers), 15)
            (created, got, in_base64, listed, acl, none, bogus, usage, _, _, stat, config, deleted, closed, late) = answers
            self.assertEqual(created, {"command": "create", "ok": True, "result": {"path": "/z"}})
            self.assertEqual(got["result"]["data"], "a b")
            self.assertEqual(got["result"]["stat"]["dataLength"], 3)
            self.assertEqual(in_base64["result"]["base64"], "YSBi")
            self.assertEqual(listed["result"]["paths"], ["/z"])
            self.assertEqual(acl["result"]["acl"], [{"scheme": "world", "id": "anyone", "perms": "cdrwa"}])
            self.assertEqual((none["ok"], none["error"], none["path"]), (False, "NONODE", "/none"))
            self.assertEqual((bogus["error"], usage["error"]), ("UNKNOWNCOMMAND", "USAGE"))
            self.assertEqual((stat["result"]["stat"]["version"], stat["result"]["stat"]["numChildren"]), (1, 1))
            self.assertIn("server.1=", config["result"]["config"])
            self.assertEqual(deleted["result"], {"deleted": 2})
            self.assertTrue(closed["ok"])
            self.assertEqual(late["error"], "NOTCONNECTED")
            code, out, _ = run(ZKCLI, "--json", "ls", "/", server=address)
            self.assertEqual(code, 0)
            self.assertEqual(json.loads(out)["command"], "ls")


class OursOnly(unittest.TestCase):
    """What is not Apache's, and what happens when a server goes."""

    @classmethod
    def setUpClass(cls):
        cls.ensemble = Ensemble([OURS, OURS, OURS])
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.ensemble.start()
        cls.ensemble.wait_leader()

    def session_of(self, client, path):
        client.send("stat " + path)
        client.read_until(lambda: "numChildren" in client.said["out"], "a stat")
        return re.search(r"ephemeralOwner = (0x[0-9a-f]+)", client.said["out"]).group(1)

    def server_of(self, client):
        """The server at the other end of the client's one connection."""
        folder = "/proc/%d/fd" % client.process.pid
        links = [os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)]
        inodes = {link[len("socket:["):-1] for link in links if link.startswith("socket:[")}
        ports = set()
        for line in open("/proc/net/tcp").readlines()[1:]:
            words = line.split()
            if words[9] in inodes:
                ports.add(int(words[2].split(":")[1], 16))
        holders = [server for server in self.ensemble.servers if server.client_port in ports]
        self.assertEqual(len(holders), 1, ports)
        return holders[0]

    def test_a_killed_server_does_not_end_the_session(self):
        client = Lines(ZKCLI, self.ensemble.hosts(), "-timeout", "10000")
        client.send("create -e /kept x")
        client.send("create /seen x")
        client.send("get -w /seen")
        client.read_until(lambda: "Created /seen" in client.said["err"], "nodes")
        session, server = self.session_of(client, "/kept"), self.server_of(client)
        connected = client.said["out"].count("state:SyncConnected type:None")
        server.kill()
        try:
            client.read_until(lambda: "state:Disconnected" in client.said["out"] and
                              client.said["out"].count("state:SyncConnected type:None") > connected, "another server")
            client.said["out"] = ""
            client.send("set /seen y")
            client.read_until(lambda: "NodeDataChanged path:/seen" in client.said["out"], "the event")
            client.said["out"] = ""
            self.assertEqual(self.session_of(client, "/kept"), session)
            self.assertNotEqual(self.server_of(client).sid, server.sid)
            client.send("deleteall /seen")
            client.send("quit")
            client.read_until(lambda: "state:Closed" in client.said["out"], "the end")
            self.assertEqual(client.end(), 0)
            # The session was closed, not left: its node is gone at once.
            self.assertEqual(run(ZKCLI, "stat", "/kept", server=self.ensemble.hosts())[0], 1)
        finally:
            server.start()
            server.wait_serving()

    def terminal(self, home):
        pid, fd = pty.fork()
        if pid == 0:
            os.environ.update(HOME=home, TERM="xterm")
            os.execv(ZKCLI, [ZKCLI, "-server", self.ensemble.hosts()])
        return pid, fd

    def test_terminal(self):
        home = os.path.join(self.ensemble.folder, "home")
        os.makedirs(home)
        pid, fd = self.terminal(home)
        seen = ""

        def wait_for(text):
            nonlocal seen

            def came():
                nonlocal seen
                if select.select([fd], [], [], 0)[0]:
                    seen += os.read(fd, 65536).decode(errors="replace")
                return text in seen
            wait_until("%r on the terminal, where is %r" % (text, seen[-300:]), came)
            seen = seen[seen.index(text) + len(text):]

        def press(keys):
            os.write(fd, keys.encode())

        try:
            wait_for("(CONNECTED) 0] ")
            press("cre\t/term-node gr\u00fc\u00df\n")  # Tab ends the word
            wait_for("Created /term-node")
            wait_for("(CONNECTED) 1] ")
            press("get /term-n\t\n")
            wait_for("gr\u00fc\u00df\r\n")
            press("addauth digest someone:secret\n")
            press("get -w /term-node\n")
            wait_for("(CONNECTED) 4] ")
            press("half a li")
            wait_for("half a li")
            self.assertEqual(run(ZKCLI, "set", "/term-node", "y", server=self.ensemble.hosts())[0], 0)
            wait_for("type:NodeDataChanged path:/term-node")
            wait_for("half a li")  # the line being typed is drawn again
            press("\x15delete /term-node\nls /none\nquit\n")
            wait_for("Node does not exist: /none")
            _, status = os.waitpid(pid, 0)
            pid = None
            self.assertEqual(os.waitstatus_to_exitcode(status), 1)  # of ls
        finally:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            os.close(fd)
        history = os.path.join(home, ".zkcli_history")
        self.assertEqual(os.stat(history).st_mode & 0o777, 0o600)
        kept = open(history).read()
        self.assertIn("delete", kept)
        self.assertNotIn("secret", kept)


if __name__ == "__main__":
    unittest.main(verbosity=2)
