"""A Docker engine for the lab's cases: Debian's docker.io in a network namespace that has no way out (zkbox) and in a mount
namespace of its own, where /data is a file system in memory: what a guide does in /data touches nothing of this machine. It
is stopped by its pid."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from programs import eventually

NAMESPACE = "zkbox"
IMAGE = "zkserver:lab"
ENGINE_S = 60


def docker_program():
    """Debian's, beside which others may be installed."""
    return "/usr/bin/docker" if os.access("/usr/bin/docker", os.X_OK) else shutil.which("docker")


class Engine:
    def __init__(self):
        self.place = Path(tempfile.mkdtemp(prefix="zkprov-engine-"))
        self.socket = self.place / "docker.sock"
        self.log = self.place / "dockerd.log"
        self.environment = {"DOCKER_HOST": f"unix://{self.socket}", "HOME": str(self.place), "DOCKER_BUILDKIT": "0"}
        self._made_data = False
        self._machine = None  # holds the mounts of the engine's host
        self._process = None
        self._output = open(self.log, "wb")
        self._lock = open("/run/zkprov-lab-engine.lock", "a", encoding="utf-8")

    def up(self):
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._made_data = not os.path.isdir("/data")
        os.makedirs("/data", exist_ok=True)
        subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
        subprocess.run(["ip", "-n", NAMESPACE, "link", "set", "lo", "up"], check=True)
        routes = subprocess.run(["ip", "-n", NAMESPACE, "route", "show", "table", "all", "default"], check=True,
                                capture_output=True, text=True).stdout
        assert not routes.strip(), f"{NAMESPACE} has a way out: {routes}"
        # nsenter and not ip netns exec: that hides /sys/fs/cgroup.
        self._machine = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{NAMESPACE}", "unshare", "--mount", "--propagation", "private", "sh", "-ec",
             "mount -t tmpfs data /data; echo; exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self._machine.stdout.readline()  # /data is there
        self._start()

    def _start(self):
        words = ["dockerd", "--data-root", self.place / "data", "--exec-root", self.place / "exec",
                 "--pidfile", self.place / "pid", "-H", f"unix://{self.socket}"]
        self._process = subprocess.Popen(self.on_host(*words), stdin=subprocess.DEVNULL, stdout=self._output,
                                         stderr=subprocess.STDOUT)
        eventually(self._answers, f"the engine answers; its words are in {self.log}", timeout_s=ENGINE_S)

    def _answers(self):
        if self._process.poll() is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise AssertionError(f"dockerd ended with {self._process.returncode}:\n{tail}")
        return self.docker("version", check=False)[0] == 0

    def down(self):
        if self._process is not None and self._process.poll() is None:
            names = self.docker("ps", "-aq", check=False)[1].split()
            if names:
                self.docker("rm", "-f", "-v", *names, check=False)
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._machine is not None:
            self._machine.kill()
            self._machine.wait()
            self._machine.stdout.close()
        self._output.close()
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False, capture_output=True)
        shutil.rmtree(self.place, ignore_errors=True)
        self._lock.close()
        if self._made_data:
            try:
                os.rmdir("/data")
            except OSError:
                pass

    def docker(self, *words, check=True, timeout=120):
        """Exit code, stdout and stderr."""
        result = subprocess.run([docker_program(), *[str(word) for word in words]], capture_output=True, text=True,
                                check=False, timeout=timeout, stdin=subprocess.DEVNULL,
                                env={"PATH": os.environ["PATH"], **self.environment})
        if check and result.returncode != 0:
            raise AssertionError(f"docker {' '.join(map(str, words))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
        return result.returncode, result.stdout, result.stderr

    def line(self, text, check=True):
        """A line as people type it, but for the image's name."""
        words = shlex.split(text.replace("IMAGE", IMAGE))
        assert words[0] == "docker"
        return self.docker(*words[1:], check=check)

    def on_host(self, *words):
        """The words of a command that runs where the engine runs: in its network, with its /data."""
        return ["nsenter", f"--target={self._machine.pid}", "--mount", "--net", *map(str, words)]

    def host(self, path):
        """A path of the engine's host."""
        return Path(f"/proc/{self._machine.pid}/root{path}")

    def inspect(self, name):
        return json.loads(self.docker("inspect", name)[1])[0]

    def health(self, name):
        return self.inspect(name)["State"]["Health"]["Status"]

    def remove(self, *names):
        self.docker("rm", "-f", "-v", *names, check=False)

    def cable(self, name, state):
        """Pulls the cable of a container that is on a bridge ("down"), or puts it back ("up")."""
        pid = self.inspect(name)["State"]["Pid"]
        inside = subprocess.run(["nsenter", f"--target={pid}", "--net", "ip", "-j", "link", "show", "eth0"], check=True,
                                capture_output=True, text=True).stdout
        index = json.loads(inside)[0]["link_index"]
        outside = json.loads(subprocess.run(["ip", "-n", NAMESPACE, "-j", "link"], check=True, capture_output=True,
                                            text=True).stdout)
        end = next(link["ifname"] for link in outside if link["ifindex"] == index)
        subprocess.run(["ip", "-n", NAMESPACE, "link", "set", end, state], check=True)

    def reboot(self):
        """The host loses its power and comes back: all that runs on it ends at once; what is left is the engine's disk and
        /data."""
        containers = [self.inspect(name)["State"]["Pid"] for name in self.docker("ps", "-q")[1].split()]
        self._process.kill()  # first, or the engine would start again what ends
        self._process.wait(30)

        def all_ended():
            left = self._own_processes()
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not left
        eventually(all_ended, "all processes of the engine have ended", timeout_s=30)
        for pid in containers:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        # /run is empty after a boot, and no network of the engine is left.
        mounts = Path(f"/proc/{self._machine.pid}/mounts").read_text(encoding="utf-8").splitlines()
        places = [line.split()[1] for line in mounts if line.split()[1].startswith(str(self.place))]
        for place in sorted(places, reverse=True):
            subprocess.run(self.on_host("umount", "-l", place), check=True)
        shutil.rmtree(self.place / "exec", ignore_errors=True)
        links = json.loads(subprocess.run(["ip", "-n", NAMESPACE, "-j", "link"], check=True, capture_output=True,
                                          text=True).stdout)
        for link in links:
            if link["ifname"] != "lo":
                subprocess.run(["ip", "-n", NAMESPACE, "link", "del", link["ifname"]], check=False, capture_output=True)
        self._start()

    def _own_processes(self):
        """The engine, what it started beside containers, and the agents on its host: by its folder, or by its mounts."""
        found = []
        mounts = os.readlink(f"/proc/{self._machine.pid}/ns/mnt")
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                on_it = str(self.place) in words or os.readlink(entry / "ns/mnt") == mounts
            except OSError:
                continue
            if on_it and int(entry.name) not in (self._machine.pid, os.getpid()):
                found.append(int(entry.name))
        return found
