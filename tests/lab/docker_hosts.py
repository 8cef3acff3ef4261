"""Docker hosts: hosts of the lab (systemd, sshd) on each of which a Docker engine runs as its docker.service.

The engine is this machine's docker.io: hosts see /usr of this machine read-only as /machine, and the engine's programs and
libraries are taken from there, so nothing has to be installed in the hosts' image. Needs more rights than systemd-nspawn gives
by itself: all capabilities, and the calls with which runc makes keyrings.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from engine import docker_program
from programs import eventually

MACHINE = "/machine"
SOCKET = "/run/docker.sock"
# On the host's disk, where this machine reaches it, too.
OUTER_SOCKET = "/var/lib/lab-engine.sock"
GROUP_ID = 990
ENGINE_S = 60

# runc wants to write to the controllers' file systems, which systemd-nspawn mounts read-only.
PREPARE = """#!/bin/sh
mount -o remount,rw /proc/sys 2>/dev/null
mount -o remount,rw /sys/fs/cgroup 2>/dev/null
for group in /sys/fs/cgroup/*; do
    [ -L "$group" ] || mount -o remount,rw,bind "$group" 2>/dev/null
done
exit 0
"""

UNIT = f"""[Unit]
Description=Docker engine of the lab
After=network.target

[Service]
Type=notify
Environment=PATH=/opt/lab-engine:{MACHINE}/sbin:{MACHINE}/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=LD_LIBRARY_PATH={MACHINE}/lib/x86_64-linux-gnu XTABLES_LIBDIR={MACHINE}/lib/x86_64-linux-gnu/xtables
ExecStartPre=/opt/lab-engine/prepare
ExecStart={MACHINE}/sbin/dockerd --storage-driver vfs -H unix://{SOCKET} -H unix://{OUTER_SOCKET}
Delegate=yes
KillMode=process
LimitNOFILE=1048576
TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""


def missing():
    """Why there can be no Docker hosts; empty: there can."""
    for program in ("/usr/sbin/dockerd", "/usr/bin/containerd", "/usr/sbin/runc", "/usr/sbin/xtables-nft-multi"):
        if not os.access(program, os.X_OK):
            return f"there is no {program} (scripts/deps test installs docker.io)"
    return ""


class DockerHosts:
    """The engines of a lab's hosts."""

    def __init__(self, lab):
        self.lab = lab
        lab.binds.append(f"/usr:{MACHINE}")
        lab.rights += ["--capability=all", "--system-call-filter=add_key keyctl bpf"]
        self._home = tempfile.TemporaryDirectory(prefix="zkprov-docker-")

    def install(self, number):
        """Before the host boots."""
        root = self.lab.root(number)
        place = root / "opt/lab-engine"
        place.mkdir(parents=True, exist_ok=True)
        (place / "prepare").write_text(PREPARE, encoding="utf-8")
        (place / "prepare").chmod(0o755)
        for name in ("iptables", "ip6tables"):
            if not (place / name).is_symlink():
                (place / name).symlink_to(f"{MACHINE}/sbin/xtables-nft-multi")
        (root / "etc/systemd/system/docker.service").write_text(UNIT, encoding="utf-8")
        wanted = root / "etc/systemd/system/multi-user.target.wants/docker.service"
        wanted.parent.mkdir(parents=True, exist_ok=True)
        if not wanted.is_symlink():
            wanted.symlink_to("/etc/systemd/system/docker.service")
        groups = root / "etc/group"
        text = groups.read_text(encoding="utf-8")
        if "\ndocker:" not in text:
            groups.write_text(f"{text}docker:x:{GROUP_ID}:\n", encoding="utf-8")

    def power_on(self, *numbers):
        for number in numbers:
            self.install(number)
            self.lab.power_on(number)
        for number in numbers:
            self.lab.wait_for_ssh(number)
        for number in numbers:
            self.wait(number)

    def wait(self, number):
        try:
            eventually(lambda: self.docker(number, "version", check=False)[0] == 0, f"the engine of host {number} answers",
                       timeout_s=ENGINE_S)
        except AssertionError as late:
            words = self.lab.ssh(number, "journalctl -q -u docker --no-pager -o cat | tail -40", check=False).stdout
            raise AssertionError(f"{late}:\n{words}") from None

    def environment(self, number):
        return {"DOCKER_HOST": f"unix://{self.lab.root(number)}{OUTER_SOCKET}", "HOME": self._home.name, "DOCKER_BUILDKIT": "0"}

    def docker(self, number, *words, check=True, timeout=120):
        """Exit code, stdout and stderr."""
        result = subprocess.run([docker_program(), *[str(word) for word in words]], capture_output=True, text=True,
                                check=False, timeout=timeout, stdin=subprocess.DEVNULL,
                                env={"PATH": os.environ["PATH"], **self.environment(number)})
        if check and result.returncode != 0:
            raise AssertionError(f"host {number}: docker {' '.join(map(str, words))}: exit {result.returncode}\n"
                                 f"{result.stdout}{result.stderr}")
        return result.returncode, result.stdout, result.stderr

    def inspect(self, number, name):
        return json.loads(self.docker(number, "inspect", name)[1])[0]

    def names(self, number):
        """Of all containers of the host."""
        return sorted(self.docker(number, "ps", "-a", "--format", "{{.Names}}")[1].split())

    def build_image(self, number, name, programs):
        script = Path(__file__).resolve().parents[2] / "scripts/image"
        result = subprocess.run([str(script), name], check=False, capture_output=True, text=True, timeout=300,
                                env=dict(os.environ, ZKPROV_BIN=str(programs), **self.environment(number), ENGINE=docker_program()))
        assert result.returncode == 0, result.stdout + result.stderr

    def remove(self):
        self._home.cleanup()
