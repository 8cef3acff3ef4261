#!/usr/bin/python3
"""End to end: zkprov against three bare hosts of the lab, stock clients, and everything that may go wrong.

Run as root with the system's Python (which has kazoo):

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/e2e_test.py [-v] [TestClass[.test_name]]

Brings a lab of its own up (zke2e, beside one that is used by hand) and takes it down again. Skips loudly without root, binaries or kazoo.
The cases of one class build on each other and run in the order in which they are written.
"""

import atexit
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from programs import Programs, Run, eventually, missing  # noqa: E402
from zklab import LabError, Lab  # noqa: E402

try:
    import clients
except ImportError:
    clients = None

INSTALL_DIR = "/usr/local/zookeeper"
HOSTS = (1, 2, 3)
EXIT_DONE, EXIT_INVALID, EXIT_UNREACHABLE, EXIT_PARTLY, EXIT_PREFLIGHT, EXIT_BUSY = 0, 3, 4, 5, 6, 7
EXIT_QUORUM, EXIT_LOGIN = 8, 10
EXIT_DEGRADED, EXIT_NO_QUORUM, EXIT_UNKNOWN = 20, 21, 22

lab = Lab(os.environ.get("ZKPROV_LAB_NAME", "zke2e"), say=lambda text: print(text, file=sys.stderr))
lab_was_up = False
programs = None


def setUpModule():
    global lab_was_up
    if os.geteuid() != 0:
        skip("the lab needs root")
    if clients is None:
        skip("python3-kazoo is not installed for this Python (use /usr/bin/python3)")
    lab.hold(wait_s=1200)  # another run of these tests ends before
    lab_was_up = lab.exists()
    atexit.register(clean_up)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab.up(len(HOSTS))
    clients.enter_namespace(lab.name)


def skip(why):
    print(f"SKIPPED: {why}", file=sys.stderr)
    raise unittest.SkipTest(why)


def need_programs():
    global programs
    if missing():
        skip(f"{missing()[0]} is not built (set ZKPROV_BIN)")
    if programs is None:
        programs = Programs()


def clean_up():
    """At the end of the program, also when it is told to stop midway."""
    if programs is not None:
        programs.remove()
    if lab.exists() and not lab_was_up:
        lab.down()


# ---- what the cases are told with ---------------------------------------------------------------------------------

def address(number):
    return lab.address(number)


ADDRESSES = [Lab.address(number) for number in HOSTS]


def zkprov(*words, inventory=None, **more):
    return programs.run(*words, "-i", inventory or lab.inventory, **more)


def status():
    run = zkprov("status", "-o", "json", timeout=60)
    return run.code, json.loads(run.out)


def wait_until_healthy(timeout_s=60):
    """Servers that ended several times in a case before are told of for ten minutes."""
    def healthy():
        code, report = status()
        told = {finding["id"] for node in report["nodes"] for finding in node.get("findings", [])}
        return code == EXIT_DONE or (code == EXIT_DEGRADED and told == {"server.restarts"} and
                                     all(node["in_sync"] for node in report["nodes"]))
    eventually(healthy, "zkprov status says healthy", timeout_s)


def wait_until_serving(timeout_s=60):
    eventually(lambda: status()[0] in (EXIT_DONE, EXIT_DEGRADED), "a leader with a quorum", timeout_s)


def findings(number):
    """What the agent of the node finds: levels by id."""
    node = next(node for node in status()[1]["nodes"] if node["id"] == number)
    return {finding["id"]: finding["level"] for finding in node.get("findings", [])}


def fetch(url):
    """The body, also of an answer that tells of a failure; None: no answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.read()
    except OSError:
        return None


@contextlib.contextmanager
def watching(*words):
    """A zkprov command that goes on until Ctrl-C, which it gets at the end."""
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen([programs.zkprov, *words, "-i", str(lab.inventory)], text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8"})
        try:
            yield process
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def small_disk(number, directory, unit, mebibytes):
    """The directory of a unit on a file system of its own, with what was in it and so much room; what is there at the end
    goes back."""
    lab.ssh(number, f"systemctl stop {unit} && cp -a --sparse=always {directory} /run/kept && "
                    f"mount -t tmpfs -o size=$(($(du -sm /run/kept | cut -f1) + {mebibytes}))m small {directory} && "
                    f"cp -a --sparse=always /run/kept/. {directory}/ && rm -r /run/kept && systemctl start {unit}")
    try:
        yield
    finally:
        lab.ssh(number, f"rm -f {directory}/ballast; systemctl stop {unit}; cp -a --sparse=always {directory} /run/kept && umount {directory} && "
                        f"find {directory} -mindepth 1 -delete && cp -a /run/kept/. {directory}/ && rm -r /run/kept && "
                        f"systemctl start {unit}")


def history_of(number):
    """Every change of role, epoch and leader that the agent of the node has seen."""
    return next(node["history"] for node in status()[1]["nodes"] if node["id"] == number)


def leader():
    code, report = status()
    assert code in (EXIT_DONE, EXIT_DEGRADED), (code, report)
    return report["leader"]


def units(number):
    """Identity of the running services: a restart changes it."""
    words = lab.ssh(number, "systemctl show -p Id,ActiveState,MainPID,ExecMainStartTimestampMonotonic "
                            "zookeeper.service zkprov-agent.service").stdout
    assert words.count("ActiveState=active") == 2, f"host {number}: {words}"
    return words


def server_pid(number):
    return int(lab.ssh(number, "systemctl show -p MainPID --value zookeeper.service").stdout)


def managed_files(number):
    """Names, sizes, modes, owners and times of change of all that apply manages; data and logs live."""
    return lab.ssh(number, "cd / && find etc/systemd/system/zookeeper.service* etc/systemd/system/zkprov-agent.service "
                           f"{INSTALL_DIR[1:]} -path '*/data' -prune -o -path '*/logs' -prune -o "
                           "-printf '%p %s %m %U %T@ %C@\\n' | sort").stdout


def traces(number):
    """What an apply has left on the host; empty on a bare one. The agent itself may be there."""
    return lab.ssh(number, f"find {INSTALL_DIR} /etc/systemd/system/zookeeper.service "
                           "/etc/systemd/system/zkprov-agent.service -not -type d 2>/dev/null; "
                           "id zookeeper 2>/dev/null; true").stdout


def bare_hosts():
    for number in HOSTS:
        lab.wipe(number)
    lab._write_known_hosts()


@contextlib.contextmanager
def inventory(nodes=None, **more):
    """Path of an inventory of all hosts, changed as told."""
    nodes = nodes or '  - { id: 1-3, host: "192.168.6.[137-139]" }'
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(lab.inventory_text(nodes, **more))
        file.flush()
        yield file.name


def read_all(host, root):
    client = clients.connect([host])
    try:
        client.sync(root)
        return {f"{root}/{name}" for name in client.get_children(root)}
    finally:
        clients.close(client)


class Case(unittest.TestCase):
    """Checks that read well."""

    def assert_run(self, run, code, *words):
        self.assertEqual(run.code, code, str(run))
        for word in words:
            self.assertIn(word, run.text, str(run))

    def assert_nothing_lost(self, writer):
        for number in HOSTS:
            there = read_all(address(number), writer.root)
            lost = sorted(set(writer.acknowledged) - there)
            self.assertEqual(lost, [], f"server {number} lost acknowledged writes")


class Story(Case):
    """Its cases go on from each other."""

    def run(self, result=None):
        # A case that fails leaves hosts that the next one could not start from: the story ends there.
        if getattr(type(self), "story_ended", None):
            self.setUp = lambda: self.skipTest(f"after the failure of {type(self).story_ended}")
        before = _failures(result)
        super().run(result)
        if _failures(result) > before:
            type(self).story_ended = type(self).__dict__.get("story_ended") or self.id().rpartition(".")[2]
        return result


# ---- the lab itself -----------------------------------------------------------------------------------------------

class LabIsClosed(Case):
    def test_no_namespace_has_a_way_out(self):
        lab.check_isolation()
        for name in [lab.name] + [lab.namespace(number) for number in HOSTS]:
            result = subprocess.run(["ip", "-n", name, "route", "get", "198.51.100.1"], capture_output=True,
                                    text=True, check=False)
            self.assertNotEqual(result.returncode, 0, f"{name}: {result.stdout}")

    def test_default_route_is_noticed(self):
        subprocess.run(["ip", "-n", lab.namespace(3), "route", "add", "default", "via", "192.168.6.1"], check=True)
        try:
            with self.assertRaises(LabError):
                lab.check_isolation()
        finally:
            subprocess.run(["ip", "-n", lab.namespace(3), "route", "del", "default"], check=True)

    def test_hosts_differ_and_a_power_cut_ends_everything(self):
        ids = {lab.ssh(number, "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub").stdout for number in HOSTS}
        self.assertEqual(len(ids), len(HOSTS))
        lab.kill(3)
        self.assertEqual(lab._processes(3), set())
        lab.boot(3)


# ---- bad input: one clear message, a documented exit code, nothing changed -------------------------------------------

class BadInput(Case):
    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()

    def assert_nothing_changed(self, hosts=HOSTS):
        for number in hosts:
            self.assertEqual(traces(number), "", f"host {number} was changed")

    def test_malformed_inventories_name_line_and_column(self):
        good = lab.inventory_text('  - { id: 1-3, host: "192.168.6.[137-139]" }')
        bad = {
            "unknown key": good + "nodez: 3\n",
            "duplicate id": good + "  - { id: 2, host: 192.168.6.140 }\n",
            "bad address": good.replace("192.168.6.[137-139]", "192.168.6.[137-399]"),
            "tab": good.replace("  user:", "\tuser:"),
            "wrong type": good.replace("user: root", "user: [root]"),
        }
        for what, text in bad.items():
            with self.subTest(what), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(text)
                file.flush()
                run = zkprov("apply", inventory=file.name)
                self.assert_run(run, EXIT_INVALID)
                self.assertRegex(run.err, rf"{file.name}:\d+:\d+", str(run))
        self.assert_nothing_changed()

    def test_unreachable_host(self):
        lab.partition(3)
        try:
            run = zkprov("apply", "--connect-timeout", "2s")
        finally:
            lab.heal(3)
        self.assert_run(run, EXIT_UNREACHABLE, address(3), "no answer")
        self.assert_nothing_changed()

    def test_host_without_sshd(self):
        lab.ssh(2, "systemctl stop ssh.service ssh.socket; true")
        try:
            run = zkprov("apply")
        finally:
            lab.stop(2)
            lab.boot(2)
        self.assert_run(run, EXIT_UNREACHABLE, address(2), "refused")
        self.assert_nothing_changed()

    def test_refused_key(self):
        with tempfile.TemporaryDirectory() as directory:
            key = f"{directory}/stranger"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
            with inventory(key=key) as path:
                run = zkprov("apply", inventory=path)
        self.assert_run(run, EXIT_LOGIN, "refused", "stranger", address(1))
        self.assert_nothing_changed()

    def test_key_with_passphrase_points_to_ssh_agent(self):
        with tempfile.TemporaryDirectory() as directory:
            key = f"{directory}/locked"
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
            with inventory(key=key) as path:
                run = zkprov("apply", inventory=path)
        self.assert_run(run, EXIT_LOGIN, "passphrase", "ssh-add")
        self.assert_nothing_changed()

    def test_unknown_host_keys_need_a_word(self):
        with tempfile.TemporaryDirectory() as directory:
            known = Path(directory) / "known_hosts"
            with inventory(known_hosts=known) as path:
                self.assert_run(zkprov("apply", inventory=path), EXIT_LOGIN, "host key", "--accept-new-host-keys")
                self.assertFalse(known.exists() and known.read_text(encoding="utf-8"))
                self.assert_run(zkprov("plan", "--accept-new-host-keys", inventory=path), EXIT_DONE)
                self.assertEqual(len(known.read_text(encoding="utf-8").splitlines()), len(HOSTS))
                self.assert_run(zkprov("plan", inventory=path), EXIT_DONE)
        self.assert_nothing_changed()

    def test_changed_host_key_is_never_accepted_as_new(self):
        lines = lab.known_hosts.read_text(encoding="utf-8").splitlines()
        keys = {line.split()[0]: line.split()[2] for line in lines if "ssh-ed25519" in line}
        swapped = "".join(line.replace(keys[address(2)], keys[address(3)]) + "\n" for line in lines)
        with tempfile.TemporaryDirectory() as directory:
            known = Path(directory) / "known_hosts"
            known.write_text(swapped, encoding="utf-8")
            with inventory(known_hosts=known) as path:
                for more in ([], ["--accept-new-host-keys"]):
                    self.assert_run(zkprov("apply", *more, inventory=path), EXIT_LOGIN, "HOST KEY CHANGED", address(2))
            self.assertEqual(known.read_text(encoding="utf-8"), swapped)
        self.assert_nothing_changed()

    def test_missing_sudo_right(self):
        with inventory(user="nosudo") as path:
            run = zkprov("apply", inventory=path)
        self.assert_run(run, EXIT_PREFLIGHT, "sudo", "nosudo", address(1))
        self.assert_nothing_changed()

    def test_full_disk(self):
        lab.ssh(2, f"mkdir -p {INSTALL_DIR} && mount -t tmpfs -o size=256k small {INSTALL_DIR}")
        try:
            run = zkprov("apply")
            self.assert_run(run, EXIT_PREFLIGHT, address(2), "MiB")
            self.assertRegex(run.text, "(?i)room|space|free", str(run))
            self.assert_nothing_changed()
        finally:
            lab.ssh(2, f"umount {INSTALL_DIR}; rmdir {INSTALL_DIR}", check=False)

    def test_full_disk_of_the_agent(self):
        lab.ssh(3, "mkdir -p /var/lib/zkprov && mount -t tmpfs -o size=256k small /var/lib/zkprov")
        try:
            run = zkprov("apply")
            self.assert_run(run, EXIT_PREFLIGHT, address(3), "no room")
            self.assert_nothing_changed()
        finally:
            lab.ssh(3, "umount /var/lib/zkprov", check=False)

    def test_taken_port(self):
        lab.ssh(3, "systemd-run -q --unit=squatter systemd-socket-activate -l 2181 /bin/cat")
        try:
            eventually(lambda: ":2181" in lab.ssh(3, "ss -lnt").stdout, "the squatter listens", 10)
            run = zkprov("apply")
            self.assert_run(run, EXIT_PREFLIGHT, address(3), "2181")
            self.assert_nothing_changed()
        finally:
            lab.ssh(3, "systemctl stop squatter", check=False)

    def test_status_of_bare_hosts(self):
        self.assert_run(zkprov("status"), EXIT_NO_QUORUM)


# ---- ways to log in -------------------------------------------------------------------------------------------------

class Login(Case):
    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()

    def test_every_kind_of_key(self):
        for kind in ("ed25519", "ecdsa", "rsa"):
            with self.subTest(kind), inventory(key=lab.key(kind)) as path:
                self.assert_run(zkprov("plan", inventory=path), EXIT_DONE)

    def test_ssh_agent(self):
        with tempfile.TemporaryDirectory() as directory:
            socket = f"{directory}/agent"
            agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
            try:
                eventually(lambda: os.path.exists(socket), "ssh-agent runs", 10)
                env = dict(os.environ, SSH_AUTH_SOCK=socket)
                nodes = '  - { id: 1-3, host: "192.168.6.[137-139]" }'
                text = lab.inventory_text(nodes).replace(f"  key: {lab.key()}\n", "")
                path = Path(directory) / "inventory.yaml"
                path.write_text(text, encoding="utf-8")
                self.assert_run(zkprov("plan", inventory=path, agent_socket=socket), EXIT_LOGIN)
                for kind in ("rsa", "ed25519"):
                    subprocess.run(["ssh-add", "-q", "-D"], env=env, check=True)
                    subprocess.run(["ssh-add", "-q", str(lab.key(kind))], env=env, check=True)
                    self.assert_run(zkprov("plan", inventory=path, agent_socket=socket), EXIT_DONE)
            finally:
                agent.terminate()
                agent.wait(10)

    def test_user_with_sudo_applies_from_bare(self):
        with inventory(user="ops", key=lab.key("rsa")) as path:
            run = zkprov("apply", inventory=path)
            self.assert_run(run, EXIT_DONE)
            before = [units(number) for number in HOSTS]
            self.assert_run(zkprov("apply", inventory=path), EXIT_DONE)
            self.assertEqual([units(number) for number in HOSTS], before)
        wait_until_healthy()


class Ipv6(Case):
    """Hosts that are known by IPv6 addresses alone: SSH, zoo.cfg, peers, clients, the agent's health."""

    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()
        subprocess.run(["ip", "-n", lab.name, "addr", "replace", "fd00:6::1/64", "dev", "br0", "nodad"], check=True)
        for number in HOSTS:
            subprocess.run(["ip", "-n", lab.namespace(number), "addr", "replace", f"{cls.address(number)}/64",
                            "dev", "host0", "nodad"], check=True)

    @staticmethod
    def address(number):
        return f"fd00:6::{136 + number}"

    def test_apply_status_and_clients(self):
        with tempfile.TemporaryDirectory() as directory:
            known = Path(directory) / "known_hosts"
            known.touch()
            with inventory('  - { id: 1-3, host: "fd00:6::[137-139]" }', known_hosts=known) as path:
                self.assert_run(zkprov("apply", "--accept-new-host-keys", inventory=path), EXIT_DONE)
                self.assertIn("fd00:6::137 ", known.read_text(encoding="utf-8"))
                before = [units(number) for number in HOSTS]
                self.assert_run(zkprov("apply", inventory=path), EXIT_DONE)
                self.assertEqual([units(number) for number in HOSTS], before)
                self.assert_run(zkprov("status", inventory=path), EXIT_DONE, "HEALTHY", "fd00:6::138")
        for number in HOSTS:
            self.assertIn(f"[{self.address(number)}]:3888", lab.ssh(number, "ss -Hltn").stdout)
        one, three = clients.connect([f"[{self.address(1)}]"]), clients.connect([f"[{self.address(3)}]"])
        try:
            one.create("/ipv6", b"through 1")
            three.sync("/ipv6")
            self.assertEqual(three.get("/ipv6")[0], b"through 1")
        finally:
            clients.close(one)
            clients.close(three)


# ---- the first apply, cut short ---------------------------------------------------------------------------------------

class CutShort(Case):
    """Whatever an apply that was killed midway has left, with a host that lost its power besides: the next one forms the
    ensemble. Nobody has data yet, so nobody may say that data is missing."""

    @classmethod
    def setUpClass(cls):
        need_programs()

    def test_the_next_apply_finishes_it(self):
        for moment_s in (0.6, 1.2, 2.0):
            with self.subTest(moment_s=moment_s):
                bare_hosts()
                with tempfile.TemporaryDirectory() as home:
                    first = subprocess.Popen([programs.zkprov, "apply", "-i", str(lab.inventory)],
                                             env={"PATH": os.environ["PATH"], "HOME": home}, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                    time.sleep(moment_s)
                    lab.kill(2)
                    first.kill()
                    first.wait(10)
                lab.boot(2)
                run = eventually(self.apply_unless_busy, "no agent is at work for the first apply any more")
                self.assert_run(run, EXIT_DONE)
                wait_until_healthy()

    @staticmethod
    def apply_unless_busy():
        run = zkprov("apply")
        return None if run.code == EXIT_BUSY else run


# ---- the story of an ensemble ------------------------------------------------------------------------------------------

class Ensemble(Story):
    """From bare hosts through a day of accidents; the cases run in this order."""

    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()

    def setUp(self):
        if "test_01" not in self.id():
            wait_until_healthy()

    def test_01_apply_from_bare_hosts(self):
        run = zkprov("apply")
        self.assert_run(run, EXIT_DONE)
        print(f"\n  first apply: {run.seconds:.2f} s", file=sys.stderr)
        for number in HOSTS:
            units(number)
            self.assertIn("zookeeper.service", traces(number))
            self.assertEqual(lab.ssh(number, f"cat {INSTALL_DIR}/data/myid").stdout.strip(), str(number))
            self.assertEqual(lab.ssh(number, f"stat -c %U {INSTALL_DIR}/data/version-2").stdout.strip(), "zookeeper")
            self.assertEqual(lab.ssh(number, "systemctl is-enabled zookeeper zkprov-agent").stdout.split(),
                             ["enabled", "enabled"])
        code, report = status()
        self.assertEqual(code, EXIT_DONE, report)
        roles = sorted(node["role"] for node in report["nodes"])
        self.assertEqual(roles, ["follower", "follower", "leader"])
        self.assertEqual(report["voters_in_sync"], 3)

    def test_02_second_apply_changes_nothing(self):
        before = [(units(number), managed_files(number)) for number in HOSTS]
        run = zkprov("apply", "--stats")
        self.assert_run(run, EXIT_DONE)
        self.assertRegex(run.text, "(?i)nothing to change|no change|up to date|unchanged", str(run))
        self.assertEqual([(units(number), managed_files(number)) for number in HOSTS], before)
        print(f"\n  no-op apply: {run.seconds:.2f} s\n{run.text}", file=sys.stderr)
        self.assert_run(zkprov("plan", "--exit-code"), EXIT_DONE)

    def test_03_one_connection_and_one_channel_per_host(self):
        def counts(number):
            journal = lab.ssh(number, "journalctl -q -u ssh --no-pager -o cat").stdout
            return journal.count("Accepted publickey"), journal.count("Starting session: command")
        before = {number: counts(number) for number in HOSTS}
        self.assert_run(zkprov("apply"), EXIT_DONE)
        for number in HOSTS:
            logins, channels = (new - old for new, old in zip(counts(number), before[number]))
            # counts() itself logs in once, and its own login is in the journal it reads.
            self.assertEqual((logins, channels), (2, 2), f"host {number}")

    def test_04_kazoo_writes_here_and_reads_there(self):
        one, three = clients.connect([address(1)]), clients.connect([address(3)])
        try:
            one.create("/e2e", b"written through 1")
            three.sync("/e2e")
            self.assertEqual(three.get("/e2e")[0], b"written through 1")
            three.set("/e2e", b"changed through 3")
            one.sync("/e2e")
            self.assertEqual(one.get("/e2e")[0], b"changed through 3")
            seen = []
            one.get("/e2e", watch=seen.append)
            three.delete("/e2e")
            eventually(lambda: seen, "the watch at 1 sees the delete through 3", 10, 0.02)
            self.assertEqual(seen[0].type, "DELETED")
        finally:
            clients.close(one)
            clients.close(three)

    def test_05_zkcli_of_apache(self):
        if not os.path.exists(clients.ZKCLI):
            self.skipTest("SKIPPED: Apache's zkCli.sh is not installed (package zookeeper)")
        self.assertIn("Created /cli", clients.zkcli(address(1), "create", "/cli", "by-apache"))
        self.assertIn("by-apache", clients.zkcli(address(2), "get", "/cli"))
        self.assertIn("cli", clients.zkcli(address(3), "ls", "/"))
        clients.zkcli(address(3), "delete", "/cli")
        self.assertNotIn("by-apache", clients.zkcli(address(1), "get", "/cli"))

    def test_06_leader_killed_under_a_writing_client(self):
        old = leader()
        old_epoch = status()[1]["epoch"]
        with clients.Writer(ADDRESSES, "/e2e-leader") as writer:
            writer.wait_for_more(50)
            lab.ssh(old, f"kill -9 {server_pid(old)}")
            writer.wait_for_more(50)
        wait_until_healthy()
        self.assert_nothing_lost(writer)
        print(f"\n  leader killed: {len(writer.acknowledged)} writes kept, gap {writer.gap_s:.2f} s", file=sys.stderr)
        _, report = status()
        self.assertGreater(report["epoch"], old_epoch)
        entry = next(node for node in report["nodes"] if node["id"] == old)
        self.assertGreaterEqual(entry["restarts"], 1, "status tells that the server was restarted")
        epochs = {change["epoch"] for change in entry["history"]}
        self.assertTrue({old_epoch, report["epoch"]} <= epochs, f"history of both reigns: {entry['history']}")

    def test_07_follower_power_cut_and_return(self):
        victim = next(number for number in HOSTS if number != leader())
        with clients.Writer([address(n) for n in HOSTS if n != victim], "/e2e-power") as writer:
            lab.kill(victim)
            writer.wait_for_more(50)
            code, report = status()
            self.assertEqual(code, EXIT_DEGRADED, report)
            entry = next(node for node in report["nodes"] if node["id"] == victim)
            self.assertFalse(entry["answered"])
            lab.boot(victim)
            wait_until_healthy()
            writer.wait_for_more(20)
        self.assert_nothing_lost(writer)

    def test_08_leader_power_cut_and_return(self):
        victim = leader()
        with clients.Writer(ADDRESSES, "/e2e-power-leader") as writer:
            writer.wait_for_more(30)
            lab.kill(victim)
            writer.wait_for_more(30)
            lab.boot(victim)
            wait_until_healthy()
        self.assert_nothing_lost(writer)

    def test_09_power_cut_of_all_hosts(self):
        with clients.Writer(ADDRESSES, "/e2e-blackout") as writer:
            writer.wait_for_more(30)
            for number in HOSTS:
                lab.kill(number)
            self.assertEqual(status()[0], EXIT_UNKNOWN)
            for number in HOSTS:
                lab.boot(number)
            wait_until_healthy()
            writer.wait_for_more(10)
        self.assert_nothing_lost(writer)

    def test_09b_stop_and_start(self):
        with clients.Writer(ADDRESSES, "/e2e-stop") as writer:
            writer.wait_for_more(10)
        self.assert_run(zkprov("stop", "--yes"), EXIT_DONE)
        for number in HOSTS:
            self.assertEqual(lab.ssh(number, "systemctl is-active zookeeper", check=False).stdout.strip(), "inactive")
        self.assertEqual(status()[0], EXIT_NO_QUORUM)
        self.assert_run(zkprov("start"), EXIT_DONE)
        wait_until_healthy()
        self.assert_nothing_lost(writer)

    def test_09c_replacing_is_refused_where_it_would_lose_the_quorum(self):
        lab.kill(3)
        try:
            before = [units(number) for number in (1, 2)]
            run = zkprov("replace-node", "2", "--yes", "--connect-timeout", "2s")
            self.assertIn(run.code, (EXIT_QUORUM, EXIT_UNREACHABLE), str(run))
            self.assertRegex(run.text, "(?i)quorum|majority", str(run))
            self.assertEqual([units(number) for number in (1, 2)], before)
        finally:
            lab.boot(3)
        wait_until_healthy()

    def test_09d_changed_setting_rolls_through_under_a_writing_client(self):
        before = {number: server_pid(number) for number in HOSTS}
        last = leader()
        with clients.Writer(ADDRESSES, "/e2e-roll") as writer:
            writer.wait_for_more(20)
            with inventory(server="server:\n  config: { syncLimit: 7 }\n") as path:
                run = zkprov("apply", "--yes", inventory=path)
                self.assert_run(run, EXIT_DONE)
                self.assertRegex(run.text, "(?s)leader.*last", str(run))
            writer.wait_for_more(20)
        self.assertNotEqual(leader(), last, "the leader was restarted too")
        for number in HOSTS:
            self.assertNotEqual(server_pid(number), before[number])
            self.assertIn("syncLimit=7", lab.ssh(number, f"cat {INSTALL_DIR}/conf/zoo.cfg").stdout)
        print(f"\n  setting rolled: {run.seconds:.2f} s, longest write gap {writer.gap_s:.2f} s", file=sys.stderr)
        self.assert_nothing_lost(writer)
        self.assert_run(zkprov("apply", "--yes"), EXIT_DONE)

    def test_09e_wiping_is_refused_without_the_name_and_where_it_would_lose_the_quorum(self):
        before = [units(number) for number in (1, 2)]
        self.assert_run(zkprov("wipe", "2"), EXIT_INVALID, "--confirm lab")
        self.assert_run(zkprov("wipe", "2", "--confirm", "other"), EXIT_INVALID, "not the name")
        lab.ssh(3, "systemctl stop zookeeper")
        try:
            self.assert_run(zkprov("wipe", "2", "--confirm", "lab"), EXIT_QUORUM, "nothing was changed")
        finally:
            lab.ssh(3, "systemctl start zookeeper")
        self.assertEqual([units(number) for number in (1, 2)], before)
        for number in HOSTS:
            self.assertEqual(lab.ssh(number, f"ls -d {INSTALL_DIR}/*quarantine* 2>/dev/null", check=False).stdout, "")

    def test_09f_a_wiped_server_leaves_its_data_in_quarantine_and_comes_back(self):
        wiped = leader()
        others = [number for number in HOSTS if number != wiped]
        before = [units(number) for number in others]
        with clients.Writer([address(number) for number in others], "/e2e-wipe") as writer:
            writer.wait_for_more(20)
            self.assert_run(zkprov("wipe", str(wiped), "--confirm", "lab"), EXIT_DONE, f"replace-node {wiped}")
            wait_until_serving()
            self.assertEqual(status()[0], EXIT_DEGRADED)
            kept = lab.ssh(wiped, f"ls {INSTALL_DIR}/data.quarantine-*/version-2").stdout
            self.assertIn("currentEpoch", kept, "the data is not in quarantine")
            self.assertEqual(lab.ssh(wiped, "systemctl is-active zookeeper", check=False).stdout.strip(), "inactive")
            writer.wait_for_more(20)
            self.assert_run(zkprov("replace-node", str(wiped), "--yes"), EXIT_DONE)
            writer.wait_for_more(20)
        wait_until_healthy()
        self.assertEqual([units(number) for number in others], before, "the others were restarted")
        self.assert_nothing_lost(writer)

    def test_09g_units_are_closed_to_what_they_do_not_need(self):
        for unit, most in (("zookeeper", 2.0), ("zkprov-agent", 3.0)):
            words = lab.ssh(1, f"systemd-analyze security {unit}.service --no-pager").stdout
            exposure = float(re.search(r"Overall exposure level for .*: ([0-9.]+)", words).group(1))
            self.assertLessEqual(exposure, most, words)
            print(f"\n  exposure of {unit}: {exposure}", file=sys.stderr)

    def test_09h_a_server_whose_loop_stands_still_is_started_again(self):
        lab.ssh(2, "mkdir -p /run/systemd/system/zookeeper.service.d; "
                   "printf '[Service]\nWatchdogSec=2\n' > /run/systemd/system/zookeeper.service.d/watchdog.conf; "
                   "systemctl daemon-reload; systemctl restart zookeeper")
        wait_until_healthy()
        stopped = server_pid(2)
        time.sleep(5)  # more than twice its patience: a loop that turns is left alone
        self.assertEqual(server_pid(2), stopped)
        lab.ssh(2, f"kill -STOP {stopped}")
        eventually(lambda: server_pid(2) not in (0, stopped), "the watchdog ends it, systemd starts another")
        self.assertIn("watchdog", lab.ssh(2, "journalctl -u zookeeper --no-pager").stdout.lower())
        lab.ssh(2, "rm -r /run/systemd/system/zookeeper.service.d; systemctl daemon-reload; systemctl restart zookeeper")
        wait_until_healthy()

    def test_09i_an_agent_that_dies_leaves_its_server_alone(self):
        before = server_pid(3)
        pid = int(lab.ssh(3, "systemctl show -p MainPID --value zkprov-agent.service").stdout)
        lab.ssh(3, f"kill -9 {pid}")
        eventually(lambda: "active" == lab.ssh(3, "systemctl is-active zkprov-agent", check=False).stdout.strip()
                   and lab.ssh(3, "systemctl show -p MainPID --value zkprov-agent.service").stdout.strip()
                   not in ("0", str(pid)), "the agent is back")
        wait_until_healthy()
        self.assertEqual(server_pid(3), before)

    def test_09j_the_page_over_ssh_outlives_the_host_that_shows_it(self):
        with watching("ui") as ui:
            url = ui.stdout.readline().strip()
            self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/$")
            self.assertIn(b"<!doctype html>", fetch(url))

            def page():
                text = fetch(url + "v1/ensemble")
                return json.loads(text) if text and text.startswith(b"{") else None

            def all_answer():
                seen = page()
                return seen if seen and all(node["answered"] for node in seen["nodes"]) else None
            first = eventually(all_answer, "the page of all nodes")
            self.assertEqual(first["leader"], leader())
            shown = first["asked"]
            lab.partition(shown)
            try:
                def another():
                    seen = page()
                    return seen if seen and seen["asked"] != shown else None
                eventually(another, "the page of another host")
                eventually(lambda: not next(node["answered"] for node in page()["nodes"] if node["id"] == shown),
                           "it says who does not answer")
            finally:
                lab.heal(shown)
            eventually(all_answer, "the page of all nodes again")
        self.assertEqual(ui.returncode, EXIT_DONE)
        wait_until_healthy()

    def test_09k_a_watch_goes_on_while_a_host_is_silent(self):
        with watching("status", "-w", "--interval", "300ms", "-o", "json") as watch:
            def next_look():
                nodes = json.loads(watch.stdout.readline())["nodes"]
                return {node["id"] for node in nodes if node["answered"]}

            def looks_until(wanted):
                for _ in range(400):
                    if next_look() == wanted:
                        return
                self.fail(f"no look at {wanted}")
            looks_until({1, 2, 3})
            lab.partition(3)
            try:
                looks_until({1, 2})
                for _ in range(5):
                    self.assertEqual(next_look(), {1, 2})
            finally:
                lab.heal(3)
            looks_until({1, 2, 3})
        wait_until_healthy()

    def test_09l_a_servers_full_disk_is_told_and_passes(self):
        directory = f"{INSTALL_DIR}/logs"
        agent = lab.ssh(2, "systemctl show -p MainPID --value zkprov-agent.service").stdout
        with clients.Writer([address(1), address(3)], "/e2e-full") as writer, small_disk(2, directory, "zookeeper", 100):
            wait_until_serving()
            eventually(lambda: "disk.space" in findings(2), "its small disk is told")
            lab.ssh(2, f"dd if=/dev/zero of={directory}/ballast bs=1M 2>/dev/null; true")
            eventually(lambda: findings(2).get("disk.space") == "critical", "its full disk is told")
            # A server that begins a log now cannot: it ends, is started again, and the others serve.
            lab.ssh(2, "systemctl restart --no-block zookeeper")
            eventually(lambda: set(findings(2)) & {"server.down", "server.restarts", "server.starting", "server.looking"},
                       "it does not serve")
            writer.wait_for_more(20)
            self.assertEqual(status()[0], EXIT_DEGRADED)
            lab.ssh(2, f"rm {directory}/ballast")
            eventually(lambda: next(node["in_sync"] for node in status()[1]["nodes"] if node["id"] == 2), "it comes back by itself")
            writer.wait_for_more(20)
        eventually(lambda: not set(findings(2)) - {"server.restarts"}, "all is well but what is remembered")
        self.assertEqual(lab.ssh(2, "systemctl show -p MainPID --value zkprov-agent.service").stdout, agent)
        self.assert_nothing_lost(writer)

    def test_09m_an_agents_full_disk_is_told_and_harms_no_server(self):
        directory = "/var/lib/zkprov"
        before = server_pid(1)
        with small_disk(1, directory, "zkprov-agent", 4):
            wait_until_serving()
            lab.ssh(1, f"dd if=/dev/zero of={directory}/ballast bs=4k 2>/dev/null; true")
            self.assertEqual(server_pid(1), before)
            lab.ssh(1, "systemctl restart zookeeper")  # a change that it would like to keep
            eventually(lambda: "agent.unsaved" in findings(1), "what cannot be kept is told")
            eventually(lambda: next(node["in_sync"] for node in status()[1]["nodes"] if node["id"] == 1), "its server serves")
            server = server_pid(1)
            lab.ssh(1, f"rm {directory}/ballast")
            eventually(lambda: "agent.unsaved" not in findings(1), "it keeps it now")
        wait_until_serving()
        self.assertEqual(server_pid(1), server)

    def test_09n_the_script_that_operators_know(self):
        def script(*words):
            done = lab.ssh(2, "/usr/local/zookeeper/bin/zkServer.sh " + " ".join(words), check=False)
            return done.returncode, done.stdout

        head = "Client port found: 2181. Client address: localhost. Client SSL: false.\n"
        code, out = script("status")
        self.assertEqual(code, 0)
        self.assertRegex(out, f"^{head}Mode: (leader|follower)\n$")
        running = f"Starting zookeeper ... already running as process {server_pid(2)}.\n"
        self.assertEqual(script("start"), (1, running))
        self.assertEqual(script("stop"), (0, "Stopping zookeeper ... STOPPED\n"))
        self.assertEqual(lab.ssh(2, "systemctl is-active zookeeper", check=False).stdout, "inactive\n")
        self.assertEqual(script("status"), (1, head + "Error contacting service. It is probably not running.\n"))
        self.assertEqual(script("start"), (0, "Starting zookeeper ... STARTED\n"))
        self.assertEqual(lab.ssh(2, "systemctl is-active zookeeper").stdout, "active\n")
        self.assertEqual(script("restart")[0], 0)
        wait_until_healthy()
        self.assertEqual(script("status")[0], 0)
        for words, answer in (("zkCli.sh ls /zookeeper", "[config, quota]"),
                              (f"zkdata check {INSTALL_DIR}/data", f"{INSTALL_DIR}/data: whole")):
            self.assertEqual(lab.ssh(2, "/usr/local/zookeeper/bin/" + words).stdout.splitlines()[-1], answer)

    def test_09o_an_agents_program_that_was_replaced_is_told_and_put_right(self):
        program = f"{INSTALL_DIR}/bin/zkprov-agent"
        server, agent = server_pid(3), lab.ssh(3, "systemctl show -p MainPID --value zkprov-agent.service").stdout
        lab.ssh(3, f"cp {program} {program}.new && printf x >> {program}.new && mv {program}.new {program}")
        eventually(lambda: "agent.drift" in findings(3), "another program lies where the agent's was")
        for node in status()[1]["nodes"]:  # one clock for all hosts, looked at over ssh
            self.assertLess(abs(node["clock_offset_ms"]), 500)
        self.assert_run(zkprov("apply", "--yes"), EXIT_DONE)
        eventually(lambda: "agent.drift" not in findings(3), "apply has put its own there")
        self.assertEqual(lab.ssh(3, "systemctl show -p MainPID --value zkprov-agent.service").stdout, agent,
                         "what runs was the right one all the time")
        self.assertEqual(server_pid(3), server)

    def test_09p_logs_of_a_server_and_its_agent_from_the_journal(self):
        run = zkprov("logs", "2", "-n", "10000")
        self.assert_run(run, EXIT_DONE)
        self.assertIn("server.started client_port=", run.out)
        agent = zkprov("logs", "2", "--agent", "-o", "json")
        self.assert_run(agent, EXIT_DONE)
        lines = [json.loads(line) for line in agent.out.splitlines()]
        self.assertEqual({(line["schema"], line["node"], line["of"]) for line in lines}, {("zkprov.logs/1", 2, "agent")})
        self.assertTrue(all(line["at_ms"] > 1_700_000_000_000 for line in lines))
        with watching("logs", "2", "-n", "0", "-f", "--timeout", "2m") as logs:
            time.sleep(3)  # it has looked where the journal ends
            lab.ssh(2, "systemctl restart zookeeper")
            seen = []
            for line in logs.stdout:
                seen.append(line)
                if "server.started client_port=" in line:
                    break
        self.assertEqual(logs.returncode, EXIT_DONE)
        self.assertTrue(any("server.stopped" in line for line in seen), seen)
        self.assertEqual(len(seen), len(set(seen)), "nothing is told twice")
        self.assertIn("no node 9", zkprov("logs", "9").text)
        wait_until_healthy()

    def test_10_replace_a_wiped_node(self):
        others = [number for number in HOSTS if number != 2]
        before = [units(number) for number in others]
        with clients.Writer([address(number) for number in others], "/e2e-replace") as writer:
            writer.wait_for_more(20)
            lab.wipe(2)
            wait_until_serving()  # host 2 may have led
            history = [history_of(number) for number in others]
            # A host that comes back with another key is not trusted by itself.
            self.assert_run(zkprov("replace-node", "2", "--yes"), EXIT_LOGIN, "HOST KEY CHANGED")
            self.assertEqual(traces(2), "")
            writer.gap_s = 0.0
            run = zkprov("replace-node", "2", "--yes", "--accept-new-host-keys")
            self.assert_run(run, EXIT_DONE)
            print(f"\n  replace-node: {run.seconds:.2f} s, longest write gap {writer.gap_s:.2f} s", file=sys.stderr)
            writer.wait_for_more(20)
            self.assertEqual([history_of(number) for number in others], history, "the others were without a quorum")
        self.assertEqual([units(number) for number in others], before, "the others were restarted")
        wait_until_healthy()
        self.assert_nothing_lost(writer)
        self.assertEqual(lab.ssh(2, f"cat {INSTALL_DIR}/data/myid").stdout.strip(), "2")
        self.assert_run(zkprov("apply"), EXIT_DONE)
        self.assertEqual([units(number) for number in others], before)

    def test_11_apply_does_not_form_over_a_wiped_majority(self):
        """Two of three hosts come back empty: the data lives on one host only and must not be outvoted."""
        with clients.Writer(ADDRESSES, "/e2e-majority") as writer:
            writer.wait_for_more(10)
        lab.wipe(1)
        lab.wipe(2)
        lab._write_known_hosts()
        run = zkprov("apply")
        self.assertNotEqual(run.code, EXIT_DONE, str(run))
        for number in (1, 2):
            self.assertEqual(lab.ssh(number, f"ls {INSTALL_DIR}/data/version-2 2>/dev/null", check=False).stdout, "")
        self.assertNotEqual(status()[0], EXIT_DONE)
        self.addCleanup(bare_hosts)


# ---- two operators ------------------------------------------------------------------------------------------------

# Behind the first wave and its gate a run waits, with its lock, until it is let go.
HELD_RECIPE = """
hooks:
  before_wave:
    run: >-
      [ "$ZKPROV_WAVE" != 2 ] || {{ touch {home}/held; for i in $(seq 1200); do [ ! -e {home}/go ] || exit 0;
      [ -d {home} ] || exit 1; sleep 0.1; done; exit 1; }}
    limit_s: 150
"""


class Background:
    """A zkprov command that runs beside others."""

    def __init__(self, *words, tick_time, held=False):
        self._home = tempfile.TemporaryDirectory()
        if held:
            recipe = Path(self._home.name) / "held.yaml"
            built_in = (Path(__file__).resolve().parents[2] / "playbooks/apply.yaml").read_text(encoding="utf-8")
            recipe.write_text(built_in + HELD_RECIPE.format(home=self._home.name), encoding="utf-8")
            words += ("--playbook", str(recipe))
        self._inventory = Path(self._home.name) / "inventory.yaml"
        self._inventory.write_text(lab.inventory_text('  - { id: 1-3, host: "192.168.6.[137-139]" }',
                                                      server=f"server:\n  config: {{ tickTime: {tick_time} }}\n"),
                                   encoding="utf-8")
        self.process = subprocess.Popen([programs.zkprov, *words, "-i", str(self._inventory)],
                                        env={"PATH": os.environ["PATH"], "HOME": self._home.name}, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def is_held(self):
        return (Path(self._home.name) / "held").exists()

    def let_go(self):
        (Path(self._home.name) / "go").touch()

    def wait(self, timeout_s=180):
        """How it ended, as Run has it."""
        start = time.monotonic()
        try:
            text, _ = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended within {timeout_s} s\n{self._state()}") from None
        self._home.cleanup()
        return Run(subprocess.CompletedProcess([], self.process.returncode, text, ""), time.monotonic() - start)


    def _state(self):
        """What there is to know of a run that does not end: where its threads wait, what it said, what the hosts do."""
        threads = [f"{thread.name}: {(thread / 'wchan').read_text()} {(thread / 'syscall').read_text().split()[0]}"
                   for thread in Path(f"/proc/{self.process.pid}/task").iterdir()] if self.process.poll() is None else ["ended"]
        self.process.kill()
        text, _ = self.process.communicate(timeout=10)
        hosts = [lab.ssh(number, "tail -n 20 /var/lib/zkprov/changes.log; systemctl status --no-pager -n 30 zookeeper zkprov-agent; "
                         "ps -eo pid,etimes,stat,wchan:20,args | grep -v '\\['").stdout for number in HOSTS]
        return "\n".join([*threads, text, *hosts])


def changes_of(number):
    """(begin, end, run) of each change of a host that its agent has noted, in milliseconds."""
    changes = []
    begun = None
    for line in lab.ssh(number, "cat /var/lib/zkprov/changes.log").stdout.splitlines():
        at, _, run, what, event, *_ = line.split()
        if event == "begins":
            begun = int(at)
        else:
            changes.append((begun, int(at), int(run), what))
            begun = None
    return changes


class TwoOperators(Case):
    """Runs of zkprov that meet: one changes the ensemble, and the others say who it is, or wait."""

    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()
        run = zkprov("apply")
        assert run.code == EXIT_DONE, str(run)

    def tearDown(self):
        wait_until_healthy()
        # What follows the forming is a roll: never two hosts at a time, whoever was at work.
        changes = sorted((*change, number) for number in HOSTS for change in changes_of(number)[1:])
        for before, after in zip(changes, changes[1:]):
            self.assertLessEqual(before[1], after[0], f"two changes at the same time: {before}, {after}")
            self.assertLessEqual(before[2], after[2], f"an older run came after a newer one: {before}, {after}")

    def tick_time_of(self, number):
        text = lab.ssh(number, f"cat {INSTALL_DIR}/conf/zoo.cfg").stdout
        return int(next(line for line in text.splitlines() if line.startswith("tickTime=")).partition("=")[2])

    def assert_all_have(self, tick_time):
        for number in HOSTS:
            self.assertIn(f"tickTime={tick_time}\n", lab.ssh(number, f"cat {INSTALL_DIR}/conf/zoo.cfg").stdout)

    def begin_held(self, tick_time):
        """A run that has changed its first node and goes on when it is let go: however fast the hosts are."""
        run = Background("apply", "--yes", tick_time=tick_time, held=True)

        def is_held():
            self.assertIsNone(run.process.poll(), "it ended before it was let go")
            return run.is_held()
        eventually(is_held, "the first wave is done", pause_s=0.05)
        return run

    def test_1_races_at_every_phase_under_a_writing_client(self):
        with clients.Writer(ADDRESSES, "/e2e-race") as writer:
            for turn, delay_s in enumerate((0.0, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0)):
                with self.subTest(delay_s=delay_s):
                    ticks = (1600 + turn, 1700 + turn)
                    first = Background("apply", "--yes", tick_time=ticks[0])
                    time.sleep(delay_s)
                    second = Background("apply", "--yes", tick_time=ticks[1])
                    ends = [first.wait(), second.wait()]
                    codes = [run.code for run in ends]
                    self.assertIn(EXIT_DONE, codes, "\n".join(map(str, ends)))
                    self.assertTrue(set(codes) <= {EXIT_DONE, EXIT_BUSY}, "\n".join(map(str, ends)))
                    for run in ends:
                        if run.code == EXIT_BUSY:
                            self.assert_run(run, EXIT_BUSY, "is being changed by", "zkprov apply, since", "--lock-timeout")
                    # Where both are done one came after the other, whichever of them that was: a run waits a moment for
                    # one that is just ending.
                    done = [tick for tick, code in zip(ticks, codes) if code == EXIT_DONE]
                    last = self.tick_time_of(1)
                    self.assertIn(last, done, "\n".join(map(str, ends)))
                    self.assert_all_have(last)
                    wait_until_healthy()
        self.assert_nothing_lost(writer)

    def test_2_the_second_waits_its_turn(self):
        first = self.begin_held(1630)
        second = Background("apply", "--yes", "--lock-timeout", "2m", tick_time=1730)
        self.assert_run(zkprov("apply", "--yes"), EXIT_BUSY, "is being changed by", "zkprov apply, since")
        first.let_go()
        self.assert_run(first.wait(), EXIT_DONE)
        self.assert_run(second.wait(), EXIT_DONE, "waiting for", "zkprov apply, since")
        self.assert_all_have(1730)

    def test_3_a_dead_controllers_lock_is_free_at_once(self):
        first = self.begin_held(1640)
        first.process.kill()
        first.wait()
        # A step that was begun is brought to its end first.
        second = Background("apply", "--yes", "--lock-timeout", "1m", tick_time=1740)
        self.assert_run(second.wait(), EXIT_DONE)
        self.assert_all_have(1740)

    def test_4_a_paused_controller_changes_nothing_more(self):
        first = self.begin_held(1650)
        first.process.send_signal(signal.SIGSTOP)
        try:
            busy = zkprov("stop")
            self.assert_run(busy, EXIT_BUSY, "is being changed by")
            shown = zkprov("lock", "show")
            self.assert_run(shown, EXIT_DONE, f"(pid {first.process.pid}, from 192.168.6.", "zkprov apply, since")
            second = Background("apply", "--yes", "--lock-timeout", "2m", tick_time=1750)
            self.assert_run(second.wait(), EXIT_DONE)
        finally:
            first.let_go()
            first.process.send_signal(signal.SIGCONT)
        self.assert_run(first.wait(), EXIT_PARTLY, "this run changes nothing more", "nothing was heard of it")
        self.assert_all_have(1750)
        self.assert_run(zkprov("lock", "show"), EXIT_DONE, "node 3 (192.168.6.139): free")

    def test_5_a_lock_that_is_broken(self):
        first = self.begin_held(1660)
        first.process.send_signal(signal.SIGSTOP)
        try:
            self.assert_run(zkprov("lock", "break"), EXIT_INVALID, "--confirm")
            broken = zkprov("lock", "break", "--confirm", "lab")
            self.assertIn(broken.code, (EXIT_DONE, EXIT_BUSY), str(broken))  # busy: its step is not at its end
        finally:
            first.let_go()
            first.process.send_signal(signal.SIGCONT)
        self.assert_run(first.wait(), EXIT_PARTLY, "zkprov lock break")
        self.assert_run(Background("apply", "--yes", tick_time=1760).wait(), EXIT_DONE)
        self.assert_all_have(1760)


# ---- a host that was replaced and comes back ------------------------------------------------------------------------

class ReplacedHost(Story):
    """Another machine takes host 2's place, and then the old one is switched on again with its old disk."""

    writers = []  # what was acknowledged all along

    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()
        directory = tempfile.TemporaryDirectory(prefix="zkprov-replaced-")
        cls.addClassCleanup(directory.cleanup)
        cls.inventory = f"{directory.name}/inventory.yaml"
        # Agents can ask each other only where they listen.
        Path(cls.inventory).write_text(lab.inventory_text('  - { id: 1-3, host: "192.168.6.[137-139]" }',
                                                          server="agent: { http: { listen: node } }\n"), encoding="utf-8")
        run = zkprov("apply", "--yes", inventory=cls.inventory)
        assert run.code == EXIT_DONE, str(run)
        wait_until_healthy()

    @contextlib.contextmanager
    def writing(self, root, hosts=HOSTS):
        """Nothing of this, nor of what was written before, may be lost."""
        with clients.Writer([address(number) for number in hosts], root) as writer:
            writer.wait_for_more(20)
            yield writer
            writer.wait_for_more(20)
        self.writers.append(writer)

    def assert_all_is_there(self):
        wait_until_healthy()
        for writer in self.writers:
            self.assert_nothing_lost(writer)

    def here(self, *words):
        return zkprov(*words, inventory=self.inventory)

    def state(self, number, name):
        text = lab.ssh(number, f"cat /var/lib/zkprov/{name} 2>/dev/null", check=False).stdout
        return json.loads(text) if text else None

    def switch(self, name, put_away=None):
        """The machine of that name stands in host 2's place, and boots."""
        lab.bring_back(2, name, put_away)
        lab.boot(2)
        lab._write_known_hosts()

    def await_refused(self, *words):
        def since_this_boot():
            return "the server must not start" in lab.ssh(2, "journalctl -b -u zookeeper -o cat").stdout
        eventually(since_this_boot, "the journal of host 2 says that its server must not start")
        refusal = self.state(2, "start-refused.json")
        for word in words:
            self.assertIn(word, refusal["words"])
        return refusal

    def assert_stays_down(self):
        """Whatever systemd does about it each second."""
        files = f"find {INSTALL_DIR}/data {INSTALL_DIR}/logs -type f -printf '%p %s %T@ ' 2>/dev/null | md5sum"
        seen = lab.ssh(2, f"for i in $(seq 30); do systemctl show -p MainPID --value zookeeper; sleep 0.2; {files}; done").stdout
        self.assertEqual(len(set(seen.split("\n")) - {"0", ""}), 1, "its server wrote")
        self.assertIn("0", seen.split("\n"))

    def test_1_another_machine_takes_its_place(self):
        self.assertNotIn("incarnation", self.state(2, "identity.json"), "it formed")
        lab.put_away(2, "first")
        lab.boot(2)
        wait_until_serving()  # host 2 may have led
        run = self.here("replace-node", "2", "--yes", "--accept-new-host-keys")
        self.assert_run(run, EXIT_DONE, "is told that server 2 is incarnation 1")
        made = self.state(2, "identity.json")["incarnation"]
        self.assertEqual(made["number"], 1)
        for number in (1, 3):
            self.assertEqual(self.state(number, "members.json")["members"], {"2": made})
        wait_until_healthy()
        self.assert_run(self.here("apply"), EXIT_DONE, "no change")
        with self.writing("/e2e-second"):
            pass
        self.assert_all_is_there()

    def test_2_the_old_one_is_refused_and_nobody_notices(self):
        lab.put_away(2, "second")
        wait_until_serving()
        history = [history_of(number) for number in (1, 3)]
        running = [units(number) for number in (1, 3)]
        with self.writing("/e2e-first-again", hosts=(1, 3)) as writer:
            writer.gap_s = 0.0
            self.switch("first")
            refusal = self.await_refused("servers 1, 3 say: server 2 of lab was made anew as incarnation 1 (made ",
                                         "Switch this host off for good", "zkprov wipe 2, then zkprov replace-node 2")
            self.assertTrue(refusal["lasting"])
            self.assert_stays_down()
            print(f"\n  the old machine is back: longest write gap {writer.gap_s:.2f} s", file=sys.stderr)
        self.assertEqual([history_of(number) for number in (1, 3)], history, "the others were without a quorum")
        self.assertEqual([units(number) for number in (1, 3)], running, "the others were restarted")

    def test_3_it_says_why_to_whoever_asks_or_tries(self):
        words = lab.ssh(2, f"{INSTALL_DIR}/bin/zkprov-agent status").stdout
        self.assertIn("its server must not start: servers 1, 3 say", words)
        code, report = status()
        self.assertEqual(code, EXIT_DEGRADED, report)
        self.assertEqual(findings(2).get("node.replaced"), "critical")
        self.assertNotIn("server.restarts", findings(2), "it never ran, so it never ended")
        script = lab.ssh(2, f"timeout 60 {INSTALL_DIR}/bin/zkServer.sh start", check=False)
        self.assertEqual((script.returncode, script.stdout), (1, "Starting zookeeper ... FAILED TO START\n"))
        for words in (("apply", "--yes"), ("plan",), ("replace-node", "2", "--yes")):
            self.assert_run(self.here(*words), EXIT_PREFLIGHT, "this host was replaced: server 2 was made anew as incarnation 1")
        run = self.here("start")
        self.assertNotEqual(run.code, EXIT_DONE, str(run))
        self.assertIn("was made anew as incarnation 1", run.text)
        self.assert_stays_down()

    def test_4_what_a_majority_said_holds_when_nobody_answers(self):
        for number in (1, 3):
            lab.ssh(number, "systemctl stop zkprov-agent")
        lab.stop(2)
        lab.boot(2)
        self.await_refused()
        self.assertIn("too few of the other members answer now", lab.ssh(2, "journalctl -b -u zookeeper -o cat").stdout)
        self.assert_stays_down()
        for number in (1, 3):
            lab.ssh(number, "systemctl start zkprov-agent")

    def test_5_the_way_out_makes_it_a_member_again(self):
        with self.writing("/e2e-third", hosts=(1, 3)):
            self.assert_run(self.here("wipe", "2", "--confirm", "lab"), EXIT_DONE)
            run = self.here("replace-node", "2", "--yes")
            self.assert_run(run, EXIT_DONE, "is told that server 2 is incarnation 2")
        self.assert_all_is_there()
        self.assertNotIn("node.replaced", findings(2))
        self.assert_run(self.here("apply"), EXIT_DONE, "no change")
        lab.kill(2)
        lab.boot(2)
        with self.writing("/e2e-third-again"):
            pass
        self.assert_all_is_there()
        self.assertIsNone(self.state(2, "start-refused.json"), "of an incarnation that it is not any more")

    def test_6_a_disk_of_before_in_the_right_machine_is_refused(self):
        kept = f"$(ls -d {INSTALL_DIR}/data.quarantine-*)"
        lab.ssh(2, f"systemctl stop zookeeper; mv {INSTALL_DIR}/data /root/right; cp -a {kept} {INSTALL_DIR}/data; "
                   "systemctl start --no-block zookeeper")
        self.await_refused("a disk of another time")
        self.assert_stays_down()
        lab.ssh(2, f"systemctl stop zookeeper; rm -r {INSTALL_DIR}/data; mv /root/right {INSTALL_DIR}/data; "
                   "systemctl start zookeeper")
        self.assert_all_is_there()
        self.assertIsNone(self.state(2, "start-refused.json"))

    def test_7_the_machine_in_between_is_refused_too(self):
        self.switch("second", put_away="third")
        self.await_refused("incarnation 2", "and this host is incarnation 1")
        self.assert_stays_down()
        self.switch("third")
        self.assert_all_is_there()

    def test_8_all_come_back_after_a_power_cut_and_one_comes_back_alone(self):
        for number in HOSTS:
            lab.kill(number)
        lab.boot(2)
        eventually(lambda: server_pid(2) != 0, "nobody to ask is no refusal")
        for number in (1, 3):
            lab.boot(number)
        self.assert_all_is_there()


class Alone(Case):
    """An ensemble of one node has nobody to ask."""

    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()

    def test_it_starts_at_each_boot(self):
        with inventory("  - { id: 1, host: 192.168.6.137 }", server="agent: { http: { listen: node } }\n") as path:
            self.assert_run(zkprov("apply", "--yes", inventory=path), EXIT_DONE)
            self.assert_run(zkprov("apply", inventory=path), EXIT_DONE, "no change")
            with clients.Writer([address(1)], "/e2e-alone") as writer:
                writer.wait_for_more(20)
            lab.kill(1)
            lab.boot(1)
            eventually(lambda: zkprov("status", inventory=path).code == EXIT_DONE, "it serves again")
            self.assertEqual(sorted(set(writer.acknowledged) - read_all(address(1), writer.root)), [])


class EndOfLife(Story):
    """An ensemble is taken away, taken up again by its data, and taken away for good."""

    @classmethod
    def setUpClass(cls):
        need_programs()
        bare_hosts()
        cls.written = set()

    def left(self, number):
        """All of zkprov on the host, but data and logs."""
        return lab.ssh(number, f"find {INSTALL_DIR} /etc/systemd/system/zookeeper.service* /etc/systemd/system/zkprov* "
                               "/var/lib/zkprov /run/zkprov -path '*/data' -prune -o -path '*/logs' -prune -o "
                               "-not -type d -print 2>/dev/null; "
                               "id zookeeper 2>/dev/null; pgrep -a 'zkserver|zkprov' ; true").stdout

    def nothing_left(self, number):
        # The session's own agent ends when its link does.
        eventually(lambda: not self.left(number), f"nothing is left on host {number}", timeout_s=20)

    def test_1_without_its_name_or_a_host_nothing_changes(self):
        self.assert_run(zkprov("apply", "--yes"), EXIT_DONE)
        wait_until_healthy()
        with clients.Writer(ADDRESSES, "/e2e-end") as writer:
            writer.wait_for_more(50)
        type(self).written = set(writer.acknowledged)
        before = {number: units(number) for number in HOSTS}
        self.assert_run(zkprov("destroy"), EXIT_INVALID, "--confirm lab")
        self.assert_run(zkprov("destroy", "--confirm", "other"), EXIT_INVALID, "nothing was changed")
        lab.partition(3)
        try:
            run = zkprov("destroy", "--confirm", "lab", "--connect-timeout", "2s")
        finally:
            lab.heal(3)
        self.assert_run(run, EXIT_UNREACHABLE, "--skip-unreachable", "nothing was changed")
        self.assert_run(zkprov("destroy", "--dry-run"), EXIT_DONE, "the unit zookeeper.service", "keeps")
        self.assertEqual({number: units(number) for number in HOSTS}, before)

    def test_2_other_directories_are_refused(self):
        before = {number: units(number) for number in HOSTS}
        with inventory(server="server: { data_dir: /srv/data }\n") as path:
            run = zkprov("destroy", "--confirm", "lab", "--delete-data", inventory=path)
        self.assert_run(run, EXIT_PREFLIGHT, "the inventory says data_dir /srv/data", "nothing was changed")
        self.assertEqual({number: units(number) for number in HOSTS}, before)

    def test_3_all_goes_but_the_data(self):
        run = zkprov("destroy", "--confirm", "lab")
        self.assert_run(run, EXIT_DONE, "destroyed on 3 hosts", "the server's data and logs")
        for number in HOSTS:
            self.nothing_left(number)
            names = lab.ssh(number, f"ls {INSTALL_DIR}/data/version-2; stat -c %U {INSTALL_DIR}/data/version-2").stdout
            self.assertIn("currentEpoch", names)
            self.assertIn("root", names, "the number of an account that is gone owns nothing")
        again = zkprov("destroy", "--confirm", "lab")
        self.assert_run(again, EXIT_DONE, "nothing of it is installed on its hosts")
        for number in HOSTS:
            self.nothing_left(number)

    def test_4_apply_takes_the_data_up_again(self):
        self.assert_run(zkprov("apply", "--yes"), EXIT_DONE)
        wait_until_healthy()
        for number in HOSTS:
            self.assertEqual(sorted(self.written - read_all(address(number), "/e2e-end")), [])
        with clients.Writer(ADDRESSES, "/e2e-end-again") as writer:
            writer.wait_for_more(20)
        self.assert_nothing_lost(writer)

    def test_5_what_is_not_ours_stays_with_the_data(self):
        lab.ssh(2, f"touch {INSTALL_DIR}/data/letter")
        run = zkprov("destroy", "--confirm", "lab", "--delete-data")
        self.assert_run(run, EXIT_DONE, f"zkprov does not know {INSTALL_DIR}/data/letter")
        lab.ssh(2, f"test -e {INSTALL_DIR}/data/letter && test -e {INSTALL_DIR}/data/version-2/currentEpoch")
        for number in HOSTS:
            self.nothing_left(number)
            if number != 2:
                lab.ssh(number, f"test ! -e {INSTALL_DIR}")

    def test_6_in_the_end_nothing_is_left(self):
        lab.ssh(2, f"rm {INSTALL_DIR}/data/letter")
        self.assert_run(zkprov("destroy", "--confirm", "lab", "--delete-data"), EXIT_DONE, "destroyed")
        for number in HOSTS:
            lab.ssh(number, f"test ! -e {INSTALL_DIR} && test ! -e /var/lib/zkprov")
        run = zkprov("destroy", "--confirm", "lab", "--delete-data")
        self.assert_run(run, EXIT_DONE, "nothing of it is installed on its hosts")
        self.assertNotIn("keeps", run.text)


def _failures(result):
    return len(result.failures) + len(result.errors) if result is not None else 0


if __name__ == "__main__":
    unittest.main(verbosity=2)
