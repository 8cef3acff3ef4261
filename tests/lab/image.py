"""The root file system that all hosts of the lab start from: built once by debootstrap, then only read.

The image is a plain Debian 12 with systemd, sshd and sudo, and three accounts to log in to: root, `ops` (passwordless
sudo) and `nosudo` (none). Host keys, machine id, host name and authorized keys are made per host, not here. cloud-init is
there as clouds have it, and asleep on a host that is given no user-data.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = ("systemd,systemd-sysv,dbus,openssh-server,iproute2,procps,ca-certificates,sudo")
# Of the security suite, which debootstrap does not read: installed by apt afterwards.
LATER_PACKAGES = ("cloud-init", "curl")
SUITE = "bookworm"
# The lab itself gives hosts their network, names and keys.
CLOUD_CONFIG = """datasource_list: [NoCloud, ConfigDrive]
network: {config: disabled}
preserve_hostname: true
manage_etc_hosts: false
ssh_deletekeys: false
ssh_genkeytypes: []
disable_root: false
users: []
locale: C.UTF-8
apt_preserve_sources_list: true
"""
DEFAULT_CACHE = "/var/cache/zkprov-lab"
# Units that only cost time on a host that lives for minutes and has no network beyond the lab.
MASKED_UNITS = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
                "fstrim.timer", "systemd-networkd.service", "systemd-networkd-wait-online.service",
                "systemd-timesyncd.service", "console-getty.service", "getty.target")


class LabError(Exception):
    """Something the person at the keyboard must know; the text says what to do."""


def mirror():
    """The Debian mirror that this machine's own apt uses."""
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"],
                             capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        release, _, uri = line.partition(" ")
        if release == SUITE and "debian" in uri:
            return uri
    raise LabError(f"apt knows no mirror of Debian {SUITE}; is this a Debian 12 machine with apt lists?")


def ensure(cache, say):
    """Path of the image; builds it when it is missing or was built by another recipe."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    image = Path(cache) / f"image-{recipe}"
    if image.is_dir():
        return image
    Path(cache).mkdir(parents=True, exist_ok=True)
    with open(Path(cache) / "image.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.is_dir():
            say(f"building the host image in {cache} (once, about a minute) ...")
            _build(image)
    return image


def _build(image):
    if shutil.which("debootstrap") is None:
        raise LabError("debootstrap is not installed; run: apt-get install debootstrap systemd-container iproute2")
    building = image.with_name(image.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    log = image.with_name("debootstrap.log")
    with open(log, "w", encoding="utf-8") as output:
        result = subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE,
                                 str(building), mirror()], stdout=output, stderr=subprocess.STDOUT, check=False)
    if result.returncode != 0:
        raise LabError(f"debootstrap failed; its words are in {log}")
    _install_later(building, log)
    _prepare(building)
    building.rename(image)
    for old in image.parent.glob("image-*"):
        if old != image and old.is_dir():
            shutil.rmtree(old, ignore_errors=True)


def _install_later(root, log):
    """With this machine's own apt sources, as debootstrap used its mirror."""
    apt = root / "etc/apt"
    for name in ("sources.list", "sources.list.d", "trusted.gpg.d", "keyrings", "apt.conf.d", "auth.conf.d"):
        there, here = Path("/etc/apt") / name, apt / name
        if there.is_dir():
            shutil.copytree(there, here, dirs_exist_ok=True)
        elif there.is_file():
            shutil.copy2(there, here)
    keyrings = Path("/usr/share/keyrings")
    if keyrings.is_dir():
        shutil.copytree(keyrings, root / "usr/share/keyrings", dirs_exist_ok=True)
    for name in ("resolv.conf", "hosts"):
        shutil.copy2(Path("/etc") / name, root / "etc" / name)
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8")
    with open(log, "a", encoding="utf-8") as output:
        for words in (["apt-get", "update", "-qq"],
                      ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *LATER_PACKAGES]):
            result = subprocess.run(["chroot", str(root), *words], stdout=output, stderr=subprocess.STDOUT,
                                    stdin=subprocess.DEVNULL, env=environment, check=False)
            if result.returncode != 0:
                raise LabError(f"{' '.join(words)} failed in the host image; its words are in {log}")


def _prepare(root):
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    for name in ("etc/machine-id", "var/lib/dbus/machine-id", "etc/resolv.conf"):
        (root / name).unlink(missing_ok=True)
    for user in ("ops", "nosudo"):
        subprocess.run(["chroot", str(root), "useradd", "-m", "-s", "/bin/bash", user], check=True)
    sudoers = root / "etc/sudoers.d/ops"
    sudoers.write_text("ops ALL=(root) NOPASSWD: ALL\n", encoding="utf-8")
    sudoers.chmod(0o440)
    for unit in MASKED_UNITS:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    (root / "etc/ssh/sshd_config.d/lab.conf").write_text(
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nLogLevel VERBOSE\n", encoding="utf-8")
    (root / "etc/cloud/cloud.cfg.d/99-lab.cfg").write_text(CLOUD_CONFIG, encoding="utf-8")
    shutil.rmtree(root / "var/lib/apt/lists", ignore_errors=True)
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    os.makedirs(root / "var/cache/apt/archives/partial", exist_ok=True)
