"""Hosts to try zkprov on: real systemd and sshd at 192.168.6.137 and up, in network namespaces of this machine.

    zklab    namespace of the controller, with a bridge br0 at 192.168.6.1/24
    zklab-N  namespace of host N, joined by a veth pair; the host's end is host0

Labs of different names (zklab is the default) stand side by side: addresses are the same, but nothing is shared.

No namespace has a default route or any other way out: what is sent to a host while the lab is down fails at once
instead of reaching somebody's real 192.168.6.0/24. Everything started is known by its pid and stopped by it.
State is in one directory (/run/zkprov-lab, or /run/zkprov-lab-<name>); a host's disk is an overlay over the common image, so wiping a
host is removing its upper layer.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import image as lab_image
from image import LabError

DEFAULT_NAME = "zklab"
NETWORK = "192.168.6"
FIRST_HOST = 137
HOSTS_MAX = 9
BOOT_TIME_S = 60
KEY_TYPES = ("ed25519", "ecdsa", "rsa")
USERS = ("root", "ops", "nosudo")


def run(*argv, check=True, capture=True, timeout=60):
    """Runs a program; a failure becomes a LabError with its words."""
    result = subprocess.run([str(word) for word in argv], capture_output=capture, text=True, check=False,
                            timeout=timeout)
    if check and result.returncode != 0:
        raise LabError(f"{' '.join(str(word) for word in argv)}: {(result.stderr or '').strip()}")
    return result


class Lab:
    """One lab of this machine."""

    def __init__(self, name=None, cache=None, say=print):
        self.name = name or os.environ.get("ZKPROV_LAB_NAME", DEFAULT_NAME)
        if not self.name.isalnum() or len(self.name) > 20:
            raise LabError(f"a lab's name is up to 20 letters and digits, not {self.name!r}")
        self.state = Path("/run/zkprov-lab" if self.name == DEFAULT_NAME else f"/run/zkprov-lab-{self.name}")
        self.cache = Path(cache or os.environ.get("ZKPROV_LAB_CACHE", lab_image.DEFAULT_CACHE))
        self.say = say
        self.binds = []  # directories of this machine that hosts see, read-only, from their next boot on
        self.rights = []  # more words for systemd-nspawn, where hosts have to do what it forbids
        self._children = {}
        self._lock = None

    def hold(self, wait_s=0):
        """Takes the lab for this process: nobody else may change it until it ends. Looking and logging in need no
        hold. Waits for a holder that is about to end, if told to."""
        self._need_root()
        path = self.state.with_name(self.state.name + ".lock")
        lock = open(path, "a", encoding="utf-8")  # closed, and so released, when the process ends
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(f"the lab is in use by another program (it holds {path}); try again later") from None
                time.sleep(0.5)
        self._lock = lock

    # ---- what there is --------------------------------------------------------------------------------------

    @property
    def _file(self):
        return self.state / "lab.json"

    def exists(self):
        return self._file.is_file()

    def _load(self):
        if not self.exists():
            raise LabError("the lab is down; run: tests/lab/lab up")
        return json.loads(self._file.read_text(encoding="utf-8"))

    def _save(self, facts):
        aside = self._file.with_suffix(".new")
        aside.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        aside.rename(self._file)

    def hosts(self):
        """Numbers of the hosts, from 1."""
        return sorted(int(number) for number in self._load()["hosts"])

    @staticmethod
    def address(number):
        return f"{NETWORK}.{FIRST_HOST + number - 1}"

    def namespace(self, number):
        return f"{self.name}-{number}"

    def root(self, number):
        """The host's file system, as seen from here."""
        return self._host_dir(number) / "root"

    def _host_dir(self, number):
        return self.state / f"host{number}"

    def key(self, kind="ed25519"):
        """A private key that root, ops and nosudo accept."""
        return self.state / f"id_{kind}"

    @property
    def known_hosts(self):
        return self.state / "known_hosts"

    @property
    def inventory(self):
        return self.state / "inventory.yaml"

    def check(self):
        """Fails with the reason when this machine cannot run the lab. Leaves nothing behind."""
        self._need_root()
        for tool in ("debootstrap", "systemd-nspawn", "ip", "mount", "ssh-keygen", "ssh-keyscan"):
            if shutil.which(tool) is None:
                raise LabError(f"{tool} is missing; run: scripts/deps test")
        if not any((group.parent / "cgroup.procs").exists() for group in self._cgroups(1)):
            raise LabError("no cgroup file system under /sys/fs/cgroup, which the hosts' systemd needs")
        probe = f"{self.name}-check{os.getpid()}"
        run("ip", "netns", "add", probe)
        try:
            run("ip", "-n", probe, "link", "set", "lo", "up")  # wants a root directory that is a mount point
        finally:
            run("ip", "netns", "del", probe)
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as place:
            parts = {name: Path(place) / name for name in ("lower", "upper", "work", "root")}
            for directory in parts.values():
                directory.mkdir()
            run("mount", "-t", "overlay", probe, "-o", f"lowerdir={parts['lower']},upperdir={parts['upper']},"
                f"workdir={parts['work']}", parts["root"])
            run("umount", parts["root"])

    # ---- up and down ----------------------------------------------------------------------------------------

    def up(self, count=3, off=False):
        """Builds what is missing and boots `count` hosts; `off`: they are made, and stay without power."""
        self._need_root()
        if self.exists():
            if self.hosts() != list(range(1, count + 1)):
                raise LabError(f"the lab is up with {len(self.hosts())} hosts; run: tests/lab/lab down")
            for number in self.hosts():
                if not self.alive(number):
                    self.boot(number)
            return
        if not 1 <= count <= HOSTS_MAX:
            raise LabError(f"between 1 and {HOSTS_MAX} hosts, not {count}")
        image = lab_image.ensure(self.cache, self.say)
        self.state.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._save({"image": str(image), "hosts": {str(number): {"pid": 0} for number in range(1, count + 1)}})
        try:
            self._make_keys()
            self._make_network(count)
            self.check_isolation()
            for number in range(1, count + 1):
                self._make_disk(number)
                if not off:
                    self._start(number)
            for number in range(1, count + 1):
                if not off:
                    self.wait_for_ssh(number)
            self._write_known_hosts()
            self._write_inventory()
        except BaseException:
            self.down()
            raise

    def down(self):
        """Stops the hosts and removes all that up() made; the image stays in the cache."""
        self._need_root()
        if not self.exists():
            return
        for number in self.hosts():
            self._stop_process(number, signal.SIGTERM, wait_s=0)
        for number in self.hosts():
            self._stop_process(number, signal.SIGTERM, wait_s=15)
            self._unmount(number)
            self._remove_cgroups(number)
            run("ip", "netns", "del", self.namespace(number), check=False)
        run("ip", "netns", "del", self.name, check=False)
        shutil.rmtree(self._disks(), ignore_errors=True)
        shutil.rmtree(self.state)

    @staticmethod
    def _need_root():
        if os.geteuid() != 0:
            raise LabError("the lab needs root (namespaces, mounts, systemd-nspawn); run it with sudo")

    def _make_keys(self):
        for kind in KEY_TYPES:
            if not self.key(kind).exists():
                run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"lab-{kind}", "-f", self.key(kind))

    def _write_known_hosts(self):
        lines = []
        for number in self.hosts():
            for public in sorted((self.root(number) / "etc/ssh").glob("ssh_host_*_key.pub")):
                kind, key = public.read_text(encoding="utf-8").split()[:2]
                lines.append(f"{self.address(number)} {kind} {key}\n")
        self.known_hosts.write_text("".join(lines), encoding="utf-8")

    def _write_inventory(self):
        last = max(self.hosts())
        self.inventory.write_text(self.inventory_text(
            nodes=f'  - {{ id: 1-{last}, host: "{NETWORK}.[{FIRST_HOST}-{FIRST_HOST + last - 1}]" }}'
            if last > 1 else f"  - {{ id: 1, host: {self.address(1)} }}"), encoding="utf-8")

    def inventory_text(self, nodes, user="root", key=None, known_hosts=None, server=""):
        """An inventory for zkprov; `nodes` and `server` are YAML lines."""
        return (f"schema: zkprov/1\ncluster: lab\nssh:\n  user: {user}\n  key: {key or self.key()}\n"
                f"  known_hosts: {known_hosts or self.known_hosts}\n{server}nodes:\n{nodes}\n")

    # ---- network --------------------------------------------------------------------------------------------

    def _make_network(self, count):
        namespaces = [self.name] + [self.namespace(number) for number in range(1, count + 1)]
        present = run("ip", "netns", "list").stdout.split()
        for name in namespaces:
            if name in present:
                raise LabError(f"namespace {name} exists already, of another lab? remove it: ip netns del {name}")
        for name in namespaces:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.name, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        run("ip", "-n", self.name, "addr", "add", f"{NETWORK}.1/24", "dev", "br0")
        run("ip", "-n", self.name, "link", "set", "br0", "up")
        for number in range(1, count + 1):
            space = self.namespace(number)
            run("ip", "link", "add", f"v{number}", "netns", self.name, "type", "veth",
                "peer", "name", "host0", "netns", space)
            run("ip", "-n", self.name, "link", "set", f"v{number}", "master", "br0", "up")
            run("ip", "-n", space, "addr", "add", f"{self.address(number)}/24", "dev", "host0")
            run("ip", "-n", space, "link", "set", "host0", "up")

    def check_isolation(self):
        """Fails unless every namespace of the lab has no default route and only links of the lab."""
        for name in [self.name] + [self.namespace(number) for number in self.hosts()]:
            for family in ("-4", "-6"):
                routes = run("ip", "-n", name, family, "route", "show", "table", "all", "default").stdout.strip()
                if routes:
                    raise LabError(f"namespace {name} has a default route: {routes}")
            links = json.loads(run("ip", "-n", name, "-j", "link", "show").stdout)
            allowed = {"lo", "br0", "host0"} | {f"v{number}" for number in self.hosts()}
            strangers = {link["ifname"] for link in links if link["operstate"] != "DOWN"} - allowed
            if strangers:
                raise LabError(f"namespace {name} has links that are not the lab's: {sorted(strangers)}")

    def partition(self, number):
        """Cuts the host's cable."""
        run("ip", "-n", self.name, "link", "set", f"v{number}", "down")

    def heal(self, number):
        run("ip", "-n", self.name, "link", "set", f"v{number}", "up")

    # ---- hosts ----------------------------------------------------------------------------------------------

    def _disks(self):
        return self.cache / f"disks-{self.state.name}"

    def _make_disk(self, number):
        """A fresh overlay with an identity of its own: machine id, host name, host keys, authorized keys."""
        shutil.rmtree(self._disks() / f"host{number}", ignore_errors=True)
        root = self.root(number)
        self._mount_disk(number)
        name = f"zk{number}"
        (root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n", encoding="utf-8")
        (root / "etc/hostname").write_text(name + "\n", encoding="utf-8")
        self._sow(number, root)
        names = "".join(f"{self.address(other)} zk{other}\n" for other in self.hosts())
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{names}", encoding="utf-8")
        run("ssh-keygen", "-A", "-f", root)
        keys = "".join(Path(f"{self.key(kind)}.pub").read_text(encoding="utf-8") for kind in KEY_TYPES)
        for user in USERS:
            home = root / ("root" if user == "root" else f"home/{user}")
            (home / ".ssh").mkdir(mode=0o700, exist_ok=True)
            (home / ".ssh/authorized_keys").write_text(keys, encoding="utf-8")
            (home / ".ssh/authorized_keys").chmod(0o600)
            owner = home.stat()
            for path in (home / ".ssh", home / ".ssh/authorized_keys"):
                os.chown(path, owner.st_uid, owner.st_gid)

    def _mount_disk(self, number):
        disk = self._disks() / f"host{number}"
        for directory in (disk / "upper", disk / "work", self.root(number)):
            directory.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "overlay", f"lab-host{number}", "-o",
            f"lowerdir={self._load()['image']},upperdir={disk / 'upper'},workdir={disk / 'work'}", self.root(number))

    def give_user_data(self, number, text):
        """What cloud-init finds on the host when it boots the next time, and after each wipe; None: nothing."""
        file = self._host_dir(number) / "user-data"
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(text, encoding="utf-8")
        self._sow(number, self.root(number))

    def _sow(self, number, root):
        """The seed of cloud-init's NoCloud, with an instance id of its own; without user-data cloud-init stays off."""
        seed, off = root / "var/lib/cloud/seed/nocloud", root / "etc/cloud/cloud-init.disabled"
        shutil.rmtree(seed, ignore_errors=True)
        user_data = self._host_dir(number) / "user-data"
        if not user_data.exists():
            off.touch()
            return
        off.unlink(missing_ok=True)
        seed.mkdir(parents=True)
        shutil.copy(user_data, seed / "user-data")
        (seed / "meta-data").write_text(f"instance-id: i-{uuid.uuid4().hex[:12]}\n", encoding="utf-8")

    # Each host has a cgroup of its own: systemd-nspawn puts its payload below the one it is started in, and two
    # systemds that share one would kill each other's services.
    def _cgroups(self, number):
        tops = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")]
        used = [top for top in tops[:2] if (top / "cgroup.procs").exists()] or tops[2:]
        return [top / self.namespace(number) for top in used]

    def _processes(self, number):
        """Everything that runs on the host, by the kernel's own account."""
        pids = set()
        for group in self._cgroups(number):
            for procs in group.rglob("cgroup.procs"):
                try:
                    pids.update(int(pid) for pid in procs.read_text(encoding="utf-8").split())
                except OSError:
                    continue  # the group went away, or holds threads only
        return pids

    def _remove_cgroups(self, number):
        for group in self._cgroups(number):
            for directory in sorted(group.rglob("*"), reverse=True):
                if directory.is_dir():
                    _rmdir(directory)
            _rmdir(group)

    def _start(self, number):
        facts = self._load()
        groups = self._cgroups(number)
        for group in groups:
            group.mkdir(exist_ok=True)
        joins = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
        with open(self._host_dir(number) / "console.log", "ab") as console:
            process = subprocess.Popen(
                ["/bin/sh", "-c", joins + 'exec "$@"', "sh", "systemd-nspawn", "-q", "--register=no", "--keep-unit",
                 f"--network-namespace-path=/run/netns/{self.namespace(number)}", "-D", str(self.root(number)),
                 f"--machine={self.namespace(number)}", "--boot", "--resolv-conf=off",
                 *[f"--bind-ro={place}" for place in self.binds], *self.rights],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True)
        self._children[process.pid] = process
        if process.poll() is not None:
            raise LabError(f"systemd-nspawn of host {number} ended at once; see {self._host_dir(number)}/console.log")
        facts["hosts"][str(number)] = {"pid": process.pid, "started": _start_time(process.pid)}
        self._save(facts)

    def alive(self, number):
        entry = self._load()["hosts"][str(number)]
        started = entry.get("started")
        return started is not None and _start_time(entry["pid"]) == started

    def _stop_process(self, number, how, wait_s):
        entry = self._load()["hosts"][str(number)]
        if self.alive(number):
            os.kill(entry["pid"], how)
        deadline = time.monotonic() + wait_s
        while wait_s > 0 and (self.alive(number) or self._processes(number)):
            if how == signal.SIGKILL or time.monotonic() > deadline:
                for pid in self._processes(number) | ({entry["pid"]} if self.alive(number) else set()):
                    _kill(pid)
            if time.monotonic() > deadline + 10:
                raise LabError(f"host {number} cannot be stopped: processes {sorted(self._processes(number))}")
            self._reap()
            time.sleep(0.02)
        self._reap()

    def _reap(self):
        self._children = {pid: child for pid, child in self._children.items() if child.poll() is None}

    def _unmount(self, number):
        root = self.root(number)
        for _ in range(50):
            if not os.path.ismount(root):
                return
            if run("umount", root, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise LabError(f"{root} stays mounted; something still runs in it")

    def stop(self, number):
        """A clean shutdown."""
        self._stop_process(number, signal.SIGTERM, wait_s=30)

    def kill(self, number):
        """A power cut: everything on the host ends at once."""
        self._stop_process(number, signal.SIGKILL, wait_s=10)

    def boot(self, number):
        if self.alive(number):
            raise LabError(f"host {number} runs already")
        self._start(number)
        self.wait_for_ssh(number)

    def power_on(self, number):
        """Boots it, and does not wait."""
        if self.alive(number):
            raise LabError(f"host {number} runs already")
        self._start(number)

    def remake(self, number):
        """A re-imaged host without power: empty disk, new machine id, new host keys."""
        self.kill(number)
        self._unmount(number)
        self._make_disk(number)

    def put_away(self, number, name):
        """The machine loses its power and is kept under a name, with its disk; a new one without power takes its place."""
        self.kill(number)
        self._unmount(number)
        (self._disks() / f"host{number}").rename(self._disks() / name)
        self._make_disk(number)

    def bring_back(self, number, name, put_away=None):
        """A machine that was put away stands in the place of the one that is there, which is put away, or thrown away.
        Without power."""
        self.kill(number)
        self._unmount(number)
        disk = self._disks() / f"host{number}"
        if put_away:
            disk.rename(self._disks() / put_away)
        else:
            shutil.rmtree(disk)
        (self._disks() / name).rename(disk)
        self._mount_disk(number)

    def wipe(self, number):
        """The host comes back re-imaged: same address, empty disk, new machine id, new host keys."""
        self.remake(number)
        self.boot(number)

    def take_address(self, number):
        """As before DHCP has answered."""
        run("ip", "-n", self.namespace(number), "addr", "del", f"{self.address(number)}/24", "dev", "host0")

    def give_address(self, number, address=None, prefix=24):
        """Its own, or another."""
        run("ip", "-n", self.namespace(number), "addr", "add", f"{address or self.address(number)}/{prefix}", "dev",
            "host0")

    def wait_for_ssh(self, number):
        deadline = time.monotonic() + BOOT_TIME_S
        while time.monotonic() < deadline:
            if not self.alive(number):
                break
            result = run("ip", "netns", "exec", self.name, "ssh-keyscan", "-T", "1", "-t", "ed25519",
                         self.address(number), check=False)
            if "ssh-ed25519" in result.stdout:
                return
            time.sleep(0.2)
        console = (self._host_dir(number) / "console.log").read_text(encoding="utf-8", errors="replace")
        raise LabError(f"host {number} does not boot; the end of its console:\n{console[-1500:]}")

    # ---- commands -------------------------------------------------------------------------------------------

    def exec_argv(self, argv):
        """The words that run `argv` where the controller is."""
        self._load()
        return ["ip", "netns", "exec", self.name] + [str(word) for word in argv]

    def exec(self, *argv, check=True, timeout=120, **more):
        result = subprocess.run(self.exec_argv(argv), capture_output=True, text=True, check=False,
                                timeout=timeout, **more)
        if check and result.returncode != 0:
            raise LabError(f"{' '.join(str(word) for word in argv)}: status {result.returncode}\n"
                           f"{result.stdout}{result.stderr}")
        return result

    def ssh_argv(self, number, user="root"):
        # The lab made the hosts itself, and a wiped one has new keys: no check of host keys here.
        return ["ssh", "-q", "-i", str(self.key()), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5", f"{user}@{self.address(number)}"]

    def ssh(self, number, command, user="root", check=True, timeout=120):
        return self.exec(*self.ssh_argv(number, user), command, check=check, timeout=timeout)


def _start_time(pid):
    """When a process started (clock ticks since boot); None when there is none: a pid alone may be reused."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _rmdir(directory):
    try:
        directory.rmdir()
    except OSError:
        pass
