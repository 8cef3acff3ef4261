"""Servers in network namespaces of their own, joined by a bridge in one more: an outage of the network is real there,
and touches nothing else. Needs root and `ip`.

Server N has the address 192.168.6.(136+N) and no default route; its clients are in its own namespace, on 127.0.0.1. All
namespaces go at the end of the `with`, on SIGTERM and SIGINT, too.
"""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import servers

CLONE_NEWNET = 0x40000000
CLIENT_PORT, QUORUM_PORT, ELECTION_PORT = 2181, 2888, 3888
made = 0


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(words), done.stdout.decode().strip()))


def available():
    """False where this process may not make namespaces."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = "zkt%d" % os.getpid()
    if subprocess.run(["ip", "netns", "add", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        return False
    run("ip", "netns", "del", name)
    return True


def within(namespace, task):
    """What `task` gives, run by a thread of its own in the namespace; sockets it makes stay there."""
    result = []

    def work():
        try:
            with open("/run/netns/" + namespace) as f:
                if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            result.append((True, task()))
        except BaseException as error:  # handed to the caller
            result.append((False, error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    good, value = result[0]
    if not good:
        raise value
    return value


class Server(servers.Server):
    def __init__(self, sid, folder, namespace, binary):
        super().__init__(servers.OURS, sid, folder, (CLIENT_PORT, QUORUM_PORT, ELECTION_PORT))
        self.flavor = servers.OURS
        self.namespace = namespace
        self.binary = binary

        self.host = "192.168.6.%d" % (136 + sid)

    def server_line(self):
        return "server.%d=%s:%d:%d:participant;127.0.0.1:%d" % (
            self.sid, self.host, QUORUM_PORT, ELECTION_PORT, CLIENT_PORT)

    def command(self):
        return ["ip", "netns", "exec", self.namespace, self.binary, os.path.join(self.folder, "zoo.cfg")]

    def word(self, word):
        return within(self.namespace, lambda: servers.four_letter(CLIENT_PORT, word, 2))

    def log_text(self):
        with open(os.path.join(self.folder, "server.log"), errors="replace") as f:
            return f.read()

    def resident_kib(self):
        """(now, highest) resident memory."""
        values = {}
        with open("/proc/%d/status" % self.process.pid) as f:
            for line in f:
                name, _, value = line.partition(":")
                values[name] = value
        return int(values["VmRSS"].split()[0]), int(values["VmHWM"].split()[0])


class Ensemble(servers.Ensemble):
    """Use it in a `with`."""

    def __init__(self, count, binary=None, names=False, **settings):
        """`names`: the servers are zk1.test, zk2.test and so on; who of them is known where, know() says. What a hosts file
        does not know, a name server is asked for that never answers."""
        global made
        made += 1
        self.prefix = "zk%d-%d-" % (os.getpid(), made)
        self.folder = tempfile.mkdtemp(prefix="zknet-")
        self.settings = settings
        self.standalone = False
        self.servers = []
        for i in range(count):
            folder = os.path.join(self.folder, str(i + 1))
            os.makedirs(folder)
            self.servers.append(Server(i + 1, folder, self.prefix + str(i + 1), binary or servers.zkserver_path()))
        self.names = {} if names else None
        self.silent = []
        if names:
            for server in self.servers:
                server.host = "zk%d.test" % server.sid
        self.configure()

    def __enter__(self):
        signal.signal(signal.SIGTERM, self._interrupted)
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind, error, trace):
        try:
            super().__exit__(kind, error, trace)
        finally:
            self._remove()

    @staticmethod
    def _interrupted(number, frame):
        raise SystemExit(128 + number)

    def _build(self):
        bridge = self.prefix + "b"
        run("ip", "netns", "add", bridge)
        run("ip", "-n", bridge, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", bridge, "link", "set", "br0", "up")
        for server in self.servers:
            name = server.namespace
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
            run("ip", "-n", bridge, "link", "add", "p%d" % server.sid, "type", "veth",
                "peer", "name", "eth0", "netns", name)
            run("ip", "-n", name, "address", "add", "192.168.6.%d/24" % (136 + server.sid), "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", bridge, "link", "set", "p%d" % server.sid, "master", "br0", "up")
            if self.names is not None:
                self._ask_a_silent_name_server(name)

    def _ask_a_silent_name_server(self, namespace):
        folder = "/etc/netns/" + namespace  # `ip netns exec` puts what is there over /etc
        os.makedirs(folder)
        with open(folder + "/resolv.conf", "w") as f:
            f.write("nameserver 127.0.0.1\noptions timeout:5 attempts:2\n")
        with open(folder + "/hosts", "w") as f:
            f.write("127.0.0.1 localhost\n")

        def listen():
            silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            silent.bind(("127.0.0.1", 53))
            return silent
        self.silent.append(within(namespace, listen))

    def know(self, sid, address):
        """From now on all servers find zk`sid`.test at this address."""
        self.names[sid] = address
        text = "127.0.0.1 localhost\n" + "".join("%s zk%d.test\n" % (a, s) for s, a in self.names.items())
        for server in self.servers:
            with open("/etc/netns/" + server.namespace + "/hosts", "r+") as f:  # the same file: it is mounted
                f.write(text)
                f.truncate()

    def _remove(self):
        for silent in self.silent:
            silent.close()
        for server in self.servers:
            shutil.rmtree("/etc/netns/" + server.namespace, ignore_errors=True)
        for name in [server.namespace for server in self.servers] + [self.prefix + "b"]:
            if os.path.exists("/run/netns/" + name):
                with contextlib.suppress(RuntimeError):
                    run("ip", "netns", "del", name)

    def _port(self, server, *words):
        run("ip", "-n", self.prefix + "b", "link", "set", "p%d" % server.sid, *words)

    def cut(self, server, by="detach"):
        """From now on nothing reaches the server and it reaches nobody. "detach": its cable leads nowhere; "down": the
        kernel sees that there is no carrier."""
        self._port(server, *(["nomaster"] if by == "detach" else ["down"]))

    def shape(self, server, rate):
        """What the server is sent comes at `rate` (tc's words, "40mbit") at most."""
        run("ip", "netns", "exec", self.prefix + "b", "tc", "qdisc", "add", "dev", "p%d" % server.sid,
            "root", "tbf", "rate", rate, "burst", "64kb", "latency", "100ms")

    def heal(self, server, by="detach"):
        self._port(server, *(["master", "br0"] if by == "detach" else ["up"]))
