"""Servers for interop tests: Apache's (Debian's package) and ours, on free ports of the loopback address.

Each server has a directory of its own and is stopped by its process id. INTEROP_SERVER=apache puts Apache's server in the
place of ours: that is how a test itself is checked. INTEROP_SETTINGS="clientLoops=2" is in the zoo.cfg of every server of ours.
"""
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

APACHE = "apache"
OURS = "ours"
TICK_MS = 1000
START_SECONDS = 60

JARS = ["/usr/share/java/" + name for name in ("zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar")]
LOG4J = """log4j.rootLogger=INFO, CONSOLE
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} %-5p [%t:%C{1}] %m%n
"""


port_locks = None
last_port = 20000 + os.getpid() * 37 % 12000


def zkserver_path():
    path = os.environ.get("ZKPROV_BIN", "")
    if os.path.isdir(path):
        path = os.path.join(path, "zkserver")
    return path


def own_settings():
    """INTEROP_SETTINGS="clientLoops=2 key=value": what every server of ours has in its zoo.cfg beside what a test wants."""
    return dict(setting.split("=", 1) for setting in os.environ.get("INTEROP_SETTINGS", "").split())


def effective(flavor):
    return os.environ.get("INTEROP_SERVER", OURS) if flavor == OURS else flavor


def node_pids(directory, sid, program):
    """The processes of a node of transport local below `directory`, by the name of their program."""
    found = []
    place = "%s/nodes/node-%d/" % (directory, sid)
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if os.path.basename(words[0]).startswith(program) and any(place in word + "/" for word in words):
            found.append(int(entry.parent.name))
    return found


def is_ours_now(port):
    """Keeps the port for this process until it ends, among all tests: that nobody listens there says nothing about a test
    that has chosen it and not yet started its server. The locks are those of bytes of one file."""
    global port_locks
    if port_locks is None:
        port_locks = open(os.path.join(tempfile.gettempdir(), "zkprov-test-ports-%d" % os.getuid()), "ab")
    try:
        fcntl.lockf(port_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def free_ports(count):
    """Ports that nobody has now, below the range of outgoing connections, so that no client takes one meanwhile."""
    global last_port
    sockets, ports = [], []
    while len(ports) < count:
        last_port = 20000 + (last_port - 20000 + 1) % 12000
        port = last_port
        if not is_ours_now(port):
            continue
        s = socket.socket()
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
            continue
        sockets.append(s)
        ports.append(port)
    for s in sockets:
        s.close()
    return ports


def has_ended(pid):
    """There is no such process any more, or it waits for its parent only: with all its threads gone it has given back its
    ports. One whose first thread alone has ended is called a zombie too, and still has them."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            state, *numbers = file.read().rsplit(")", 1)[1].split()
            return state in "ZX" and int(numbers[16]) <= 1
    except OSError:
        return True


def four_letter(port, word, timeout=5):
    """The answer to a four-letter word; None when nobody listens or answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
            s.sendall(word.encode())
            answer = b""
            while True:
                chunk = s.recv(65536)
                if not chunk:
                    return answer.decode()
                answer += chunk
    except OSError:
        return None


def wait_until(what, condition, seconds=START_SECONDS):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited %d s in vain: %s" % (seconds, what))
        time.sleep(0.05)


class Server:
    def __init__(self, flavor, sid, folder, ports):
        self.flavor = effective(flavor)
        self.sid = sid
        self.folder = folder
        self.client_port, self.quorum_port, self.election_port = ports
        self.process = None
        self.log = None
        self.starts = 0
        self.java_properties = []

    @property
    def address(self):
        return "127.0.0.1:%d" % self.client_port

    @property
    def data_dir(self):
        return os.path.join(self.folder, "data")

    def server_line(self):
        return "server.%d=127.0.0.1:%d:%d:participant;127.0.0.1:%d" % (
            self.sid, self.quorum_port, self.election_port, self.client_port)

    def write_config(self, members, settings):
        os.makedirs(self.data_dir, exist_ok=True)
        with open(os.path.join(self.data_dir, "myid"), "w") as f:
            f.write("%d\n" % self.sid)
        lines = ["dataDir=" + self.data_dir, "4lw.commands.whitelist=*"]
        values = {"tickTime": TICK_MS, "initLimit": 20, "syncLimit": 10, "minSessionTimeout": 2000,
                  "standaloneEnabled": "false" if members else "true"}
        values.update(settings)
        if self.flavor == OURS:
            values.update(own_settings())
        # Apache's server takes these from its command line only.
        self.java_properties = ["-D%s=%s" % item for item in settings.items() 
                                if item[0].startswith("znode.container.")
                                or item[0] in ("readonlymode.enabled", "jute.maxbuffer")]
        if self.flavor == APACHE:
            values.setdefault("admin.enableServer", "false")
        lines += ["%s=%s" % item for item in values.items()]
        if members:
            lines += [member.server_line() for member in members]
        else:
            lines.append("clientPort=%d" % self.client_port)
        with open(os.path.join(self.folder, "zoo.cfg"), "w") as f:
            f.write("\n".join(lines) + "\n")
        with open(os.path.join(self.folder, "log4j.properties"), "w") as f:
            f.write(LOG4J)

    def command(self):
        config = os.path.join(self.folder, "zoo.cfg")
        if self.flavor == APACHE:
            return ["java", "-Xmx160m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                    "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
                    *self.java_properties, "-cp", ":".join([self.folder] + JARS),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        return [zkserver_path(), config]

    def start(self):
        assert self.process is None
        self.starts += 1
        self.log = open(os.path.join(self.folder, "server.log"), "ab")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
                                        cwd=self.folder)

    def _end(self, signal_number):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        code = self.process.returncode
        self.process = None
        self.log.close()
        return code

    def kill(self):
        return self._end(signal.SIGKILL)

    def stop(self):
        return self._end(signal.SIGTERM)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def word(self, word):
        return four_letter(self.client_port, word)

    def mode(self):
        """leader, follower, standalone; None while it does not serve."""
        for line in (self.word("srvr") or "").splitlines():
            if line.startswith("Mode: "):
                return line[len("Mode: "):]
        return None

    def wait_serving(self, seconds=START_SECONDS):
        def serves():
            if not self.alive():
                raise AssertionError("server %d (%s) has ended:\n%s" % (self.sid, self.flavor, self.log_tail()))
            return self.mode()
        return wait_until("server %d (%s) serves" % (self.sid, self.flavor), serves, seconds)

    def log_tail(self, lines=40):
        with open(os.path.join(self.folder, "server.log"), errors="replace") as f:
            return "".join(f.readlines()[-lines:])


class Ensemble:
    """Servers 1..n. Use it in a `with`; its directory goes at the end, unless INTEROP_KEEP is set."""

    server_class = Server

    def __init__(self, flavors, standalone=False, **settings):
        self.folder = tempfile.mkdtemp(prefix="zkinterop-")
        self.settings = settings
        self.standalone = standalone
        ports = free_ports(3 * len(flavors))
        self.servers = []
        for i, flavor in enumerate(flavors):
            folder = os.path.join(self.folder, str(i + 1))
            os.makedirs(folder)
            self.servers.append(self.server_class(flavor, i + 1, folder, ports[3 * i:3 * i + 3]))
        self.configure()

    def configure(self):
        for server in self.servers:
            server.write_config([] if self.standalone else self.servers, self.settings)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            for server in self.servers:
                if server.starts:
                    print("--- end of the log of server %d (%s)" % (server.sid, server.flavor))
                    print(server.log_tail())
        for server in self.servers:
            server.kill()
        if os.environ.get("INTEROP_KEEP"):
            print("kept " + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, servers=None):
        for server in servers or self.servers:
            server.start()
        for server in servers or self.servers:
            server.wait_serving()
        return self

    def hosts(self, servers=None):
        return ",".join(server.address for server in servers or self.servers)

    def __getitem__(self, sid):
        return self.servers[sid - 1]

    def leader(self):
        leaders = [server for server in self.servers if server.alive() and server.mode() == "leader"]
        return leaders[0] if len(leaders) == 1 else None

    def wait_leader(self, seconds=START_SECONDS):
        return wait_until("one leader", self.leader, seconds)

    def followers(self):
        return [server for server in self.servers if server.alive() and server.mode() == "follower"]
