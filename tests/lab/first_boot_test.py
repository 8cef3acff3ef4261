#!/usr/bin/python3
"""End to end: hosts that are born from cloud-init's user-data become one ensemble, with no controller.

Run as root with the system's Python (which has kazoo):

    ZKPROV_BIN=build/release/bin /usr/bin/python3 tests/lab/first_boot_test.py [-v] [TestClass[.test_name]]

Brings a lab of its own up (zkborn) and takes it down again. Each case begins with hosts that have never run; the bundle
lies on a web server of the lab, where the nodes also phone home.
"""

import atexit
import hashlib
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from programs import BIN, Programs, eventually, missing  # noqa: E402
from zklab import NETWORK, Lab  # noqa: E402

try:
    import clients
except ImportError:
    clients = None

HOSTS_MAX = 5
PORT = 8000
EXIT_DONE = 0
EXIT_DEGRADED = 20
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
AGENT = "/usr/local/lib/zkprov/zkprov-agent"
FORMED_S = 240  # with the load of other tests beside it; the time that it took is told
SEED = int(os.environ.get("ZKPROV_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)

lab = Lab("zkborn", say=lambda text: print(text, file=sys.stderr))
programs = None
server = None


def skip(why):
    print(f"SKIPPED: {why}", file=sys.stderr)
    raise unittest.SkipTest(why)


def setUpModule():
    global programs, server
    if os.geteuid() != 0:
        skip("the lab needs root")
    if clients is None:
        skip("python3-kazoo is not installed for this Python (use /usr/bin/python3)")
    if missing():
        skip(f"{missing()[0]} is not built (set ZKPROV_BIN)")
    lab.hold(wait_s=1200)
    atexit.register(clean_up)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    programs = Programs()
    lab.up(HOSTS_MAX, off=True)
    clients.enter_namespace(lab.name)
    server = WebServer()
    print(f"ZKPROV_SEED={SEED}", file=sys.stderr)


def clean_up():
    if programs is not None:
        programs.remove()
    if lab.exists():
        lab.down()


class WebServer:
    """Has the bundle, and hears who phones home."""

    def __init__(self):
        self.reports = []
        self.directory = tempfile.TemporaryDirectory(prefix="zkprov-web-")
        self.bundle = Path(self.directory.name) / "zkprov.tar"
        self.offer(programs)
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = web.bundle.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.reports.append((self.client_address[0], json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((f"{NETWORK}.1", PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def offer(self, programs_of):
        self.bundle.unlink(missing_ok=True)
        run = programs_of.run("bundle", self.bundle)
        assert run.code == 0, str(run)
        self.sha256 = hashlib.sha256(self.bundle.read_bytes()).hexdigest()

    @property
    def url(self):
        return f"http://{NETWORK}.1:{PORT}"


def address(number):
    return Lab.address(number)


def inventory_text(hosts, **addresses):
    """`addresses` maps "hostN" to what stands there instead of its address."""
    nodes = "".join(f"  - {{ id: {number}, host: {addresses.get(f'host{number}', address(number))} }}\n"
                    for number in hosts)
    return lab.inventory_text(nodes.rstrip("\n"), server="agent: { http: { listen: node } }\n")


class Case(unittest.TestCase):
    """A case has bare hosts without power, and user-data for them."""

    hosts = (1, 2, 3)
    random = None

    def setUp(self):
        self.random = random.Random(f"{SEED} {self.id()}")
        server.reports.clear()
        self._files = tempfile.TemporaryDirectory(prefix="zkprov-born-")
        self.inventory = self.write("inventory.yaml", inventory_text(self.hosts))
        for number in range(1, HOSTS_MAX + 1):
            lab.heal(number)
            lab.give_user_data(number, None)
            if number in self.hosts:
                lab.remake(number)
            elif lab.alive(number):
                lab.kill(number)
        self.give_user_data()

    def tearDown(self):
        self._files.cleanup()

    def write(self, name, text):
        path = Path(self._files.name) / name
        path.write_text(text, encoding="utf-8")
        return path

    def give_user_data(self, *words, hosts=None, inventory=None):
        run = programs.run("cloud-init", inventory or self.inventory, "--url", f"{server.url}/zkprov.tar", "--sha256",
                           server.sha256, "--phone-home", f"{server.url}/home", *words)
        self.assertEqual(run.code, 0, str(run))
        for number in hosts or self.hosts:
            lab.give_user_data(number, run.out)

    def ssh(self, number, command):
        return lab.ssh(number, command, check=False).stdout.strip()

    def join_json(self, number):
        text = self.ssh(number, "cat /run/zkprov/join.json 2>/dev/null")
        return json.loads(text) if text else {}

    def cloud_init(self, number):
        """Its status once it has ended; None before."""
        words = self.ssh(number, "cloud-init status 2>/dev/null")
        return words.partition("status: ")[2].split()[0] if "done" in words or "error" in words else None

    def tell(self, number):
        """All that helps to understand a host, for a case that failed."""
        return self.ssh(number, f"cloud-init status --long; cat /run/zkprov/join.json; journalctl -u zkprov-join -o cat | "
                                "tail -30; tail -5 /var/log/cloud-init-output.log")

    def await_joined(self, hosts=None):
        hosts = hosts or self.hosts
        try:
            for number in hosts:
                eventually(lambda: lab.ssh(number, "test -e /var/lib/zkprov/join-ended", check=False).returncode == 0,
                           f"host {number} has joined", FORMED_S)
        except AssertionError as late:
            raise AssertionError("\n".join([str(late)] + [f"-- host {each}\n{self.tell(each)}" for each in hosts])) from late

    def await_words(self, number, *words, timeout_s=90):
        """join.json says them."""
        def said():
            report = self.join_json(number)
            text = report.get("words", "") + "".join(report.get("warnings", []))
            return report if all(word in text for word in words) else None
        try:
            return eventually(said, f"host {number} says {words}", timeout_s)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tell(number)}") from late

    def await_journal(self, number, words, timeout_s=90):
        try:
            eventually(lambda: words in self.ssh(number, "journalctl -u zkprov-join -o cat"),
                       f"host {number} says {words}", timeout_s)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tell(number)}") from late

    def zkprov(self, *words):
        return programs.run(*words, "-i", self.inventory)

    def assert_one_ensemble(self):
        """Each remembers one formation; a controller finds them healthy and has nothing to do."""
        lab._write_known_hosts()
        generations = {number: json.loads(self.ssh(number, "cat /var/lib/zkprov/identity.json"))["generation"]
                       for number in self.hosts}
        self.assertEqual(len(set(generations.values())), 1, generations)
        eventually(lambda: self.zkprov("status").code == 0, "zkprov status says healthy", 60)
        plan = self.zkprov("plan", "--exit-code")
        self.assertEqual(plan.code, 0, str(plan))

    def write_there(self, number, path, value):
        client = clients.connect([address(number)])
        try:
            client.create(path, value)
        finally:
            clients.close(client)

    def read_there(self, number, path):
        client = clients.connect([address(number)])
        try:
            client.sync(path)
            return client.get(path)[0]
        finally:
            clients.close(client)

    def boot_somehow(self, hosts, longest_s=4):
        """In any order, with pauses between."""
        order = list(hosts)
        self.random.shuffle(order)
        for number in order:
            time.sleep(self.random.uniform(0, longest_s))
            lab.power_on(number)
        return order


class Born(Case):
    def test_three_hosts_become_one_ensemble_and_say_so(self):
        order = self.boot_somehow(self.hosts)
        began = time.monotonic()
        lab.wait_for_ssh(order[-1])
        self.await_joined()
        print(f"  formed {time.monotonic() - began:.1f} s after the last of {order} got power", file=sys.stderr)
        for number in self.hosts:
            eventually(lambda: self.cloud_init(number) == "done", f"cloud-init of host {number} is content", 60)
        eventually(lambda: {home for home, _ in server.reports} == {address(number) for number in self.hosts},
                   "all have phoned home", 60)
        for _, report in server.reports:
            self.assertEqual((report["stage"], report["way"], report["cluster"]), ("done", "formed", "lab"), report)
        self.assert_one_ensemble()
        self.write_there(1, "/born", b"once")

        # After a power cut of all nobody joins again, and nothing is lost.
        for number in self.hosts:
            lab.kill(number)
        for number in self.hosts:
            lab.boot(number)
        self.assert_one_ensemble()
        self.assertEqual(self.read_there(3, "/born"), b"once")
        self.assertEqual(self.ssh(2, "systemctl is-active zkprov-join"), "inactive")
        self.assertEqual(len(server.reports), 3, server.reports)

        # Installed anew with the same user-data it joins, and gets the data from the others.
        lab.remake(2)
        lab.boot(2)
        self.await_joined([2])
        self.assertEqual(self.join_json(2)["way"], "joined")
        self.assert_one_ensemble()
        self.assertEqual(self.read_there(2, "/born"), b"once")

        # A controller takes them over, and its word counts after a boot, too.
        self.inventory.write_text(self.inventory.read_text(encoding="utf-8").replace(
            "nodes:", "server: { config: { maxClientCnxns: 77 } }\nnodes:"), encoding="utf-8")
        applied = self.zkprov("apply", "--yes")
        self.assertEqual(applied.code, 0, str(applied))
        lab.stop(1)
        lab.boot(1)
        self.assert_one_ensemble()
        self.assertIn("maxClientCnxns=77", self.ssh(1, "cat /usr/local/zookeeper/conf/zoo.cfg"))

    def test_power_cuts_at_any_moment_do_no_harm(self):
        self.boot_somehow(self.hosts, longest_s=2)
        for _ in range(6):
            time.sleep(self.random.uniform(0.2, 2.5))
            number = self.random.choice(self.hosts)
            lab.kill(number)
            lab.power_on(number)
        for number in self.hosts:
            lab.wait_for_ssh(number)
        self.await_joined()
        self.assert_one_ensemble()

    def test_a_majority_installed_anew_does_not_form_over_the_data_of_the_rest(self):
        for number in self.hosts:
            lab.power_on(number)
        lab.wait_for_ssh(3)
        self.await_joined()
        self.write_there(1, "/precious", b"here")
        for number in (1, 2):
            lab.remake(number)
        for number in (1, 2):
            lab.boot(number)
        for number in (1, 2):
            self.await_words(number, "data are lost; a person decides")
            eventually(lambda: self.cloud_init(number) == "error", f"cloud-init of host {number} tells it", 60)
        # And the third, alone, does not serve.
        self.assertNotEqual(self.zkprov("status").code, 0)
        eventually(lambda: {report["stage"] for home, report in server.reports if home != address(3)} >= {"failed"},
                   "they phone home that they refuse", 60)


class Late(Case):
    def test_a_host_that_is_dead_at_first_is_waited_for_and_named(self):
        self.give_user_data("--wait", "8s")
        for number in (1, 3):
            lab.power_on(number)
        for number in (1, 3):
            lab.wait_for_ssh(number)
            self.await_words(number, "server 2 has not answered")
        # cloud-init does not wait for ever, and joining goes on.
        eventually(lambda: self.cloud_init(1) == "error", "cloud-init of host 1 gives up", 90)
        self.assertIn("server 2 has not answered", self.ssh(1, "cat /var/log/cloud-init-output.log"))
        self.assertEqual(self.ssh(1, f"{AGENT} join-status >/dev/null; echo $?"), "3")
        lab.power_on(2)
        began = time.monotonic()
        self.await_joined()
        print(f"  formed {time.monotonic() - began:.1f} s after the last got power", file=sys.stderr)
        self.assert_one_ensemble()

    def test_networks_and_addresses_that_come_late(self):
        lab.partition(1)
        lab.take_address(2)
        lab.give_address(2, f"{NETWORK}.199")
        # A virtual address of another member does not make it that one.
        lab.give_address(3, address(1), prefix=32)
        for number in self.hosts:
            lab.power_on(number)
        lab.heal(1)
        time.sleep(3)
        # Host 1 has its address twice in the network: it may or may not be heard; host 3 is itself.
        lab.wait_for_ssh(3)
        self.await_words(3, "have not answered")
        subprocess.run(["ip", "-n", lab.namespace(3), "addr", "del", f"{address(1)}/32", "dev", "host0"], check=True)
        subprocess.run(["ip", "-n", lab.namespace(2), "addr", "del", f"{NETWORK}.199/24", "dev", "host0"], check=True)
        lab.give_address(2)
        lab.wait_for_ssh(1)
        lab.wait_for_ssh(2)
        self.await_joined()
        self.assert_one_ensemble()

    def test_a_disk_that_comes_late(self):
        data = "/usr/local/zookeeper/data"
        with open(lab.root(2) / "etc/fstab", "a", encoding="utf-8") as fstab:
            fstab.write(f"/dev/disk/by-label/zkdata {data} ext4 nofail,x-systemd.device-timeout=2s 0 0\n")
        for number in self.hosts:
            lab.power_on(number)
        for number in self.hosts:
            lab.wait_for_ssh(number)
        self.await_journal(2, f"the disk of {data} is not there")
        self.await_words(1, "server 2 has not answered")
        self.assertEqual(self.ssh(2, f"ls -A {data} 2>/dev/null; ls /var/lib/zkprov 2>/dev/null"), "")
        self.ssh(2, f"mkdir -p /disk {data} && mount --bind /disk {data}")
        self.await_joined()
        self.assertEqual(self.ssh(2, "cat /disk/myid"), "2")
        self.assert_one_ensemble()


class Mistaken(Case):
    def test_an_inventory_that_does_not_know_the_host(self):
        self.inventory = self.write("wrong.yaml", inventory_text(self.hosts, host2=f"{NETWORK}.99"))
        self.give_user_data("--wait", "5s")
        for number in self.hosts:
            lab.power_on(number)
        lab.wait_for_ssh(2)
        self.await_words(2, "no address of this host stands for a server of the inventory", address(2), f"{NETWORK}.99")
        self.await_words(1, "server 2 has not answered")
        eventually(lambda: self.cloud_init(2) == "error", "cloud-init of host 2 tells it", 90)

    def test_clones(self):
        # Of one image that has never joined: told, and no harm.
        machine = (lab.root(1) / "etc/machine-id").read_text(encoding="utf-8")
        (lab.root(2) / "etc/machine-id").write_text(machine, encoding="utf-8")
        for number in self.hosts:
            lab.power_on(number)
        lab.wait_for_ssh(1)
        self.await_words(1, "one machine-id", timeout_s=FORMED_S)
        self.await_joined()
        self.assert_one_ensemble()

        # Of a host that has: its state says that it is another's.
        state = self.write("state.tar", "")
        subprocess.run(["tar", "-C", str(lab.root(1)), "-cf", str(state), "--exclude=*.sock", "--exclude=join-ended",
                        "var/lib/zkprov"], check=True)
        lab.remake(3)
        subprocess.run(["tar", "-C", str(lab.root(3)), "-xf", str(state)], check=True)
        lab.boot(3)
        self.await_words(3, "belongs to server 1, but by the inventory this host is server 3")
        eventually(lambda: self.cloud_init(3) == "error", "cloud-init of host 3 tells it", 90)
        self.assertEqual(self.ssh(3, "systemctl is-active zookeeper"), "inactive")

    def test_two_hosts_with_one_address_are_not_two_members(self):
        # Host 4 was given the user-data and the address of host 2.
        lab.power_on(1)
        lab.power_on(2)
        lab.wait_for_ssh(1)
        self.await_words(1, "server 3 has not answered")
        lab.remake(4)
        lab.take_address(4)
        lab.give_address(4, address(2))
        self.give_user_data(hosts=[4])
        lab.power_on(4)
        time.sleep(4)
        lab.kill(4)
        subprocess.run(["ip", "-n", lab.namespace(4), "addr", "del", f"{address(2)}/24", "dev", "host0"], check=True)
        lab.give_address(4)
        lab.power_on(3)
        lab.wait_for_ssh(3)
        # Whoever answered in between: one ensemble, or nobody serves and somebody says why.
        def settled():
            reports = {number: self.join_json(number) for number in self.hosts}
            joined = [number for number in self.hosts
                      if lab.ssh(number, "test -e /var/lib/zkprov/join-ended", check=False).returncode == 0]
            return len(joined) == 3 or any(report.get("stage") == "failed" for report in reports.values())
        eventually(settled, "formed, or refused", FORMED_S)


class Five(Case):
    hosts = (1, 2, 3, 4, 5)

    def test_five_hosts_in_any_order_with_power_cuts(self):
        self.boot_somehow(self.hosts, longest_s=2)
        for _ in range(3):
            time.sleep(self.random.uniform(0.5, 3))
            number = self.random.choice(self.hosts)
            lab.kill(number)
            lab.power_on(number)
        began = time.monotonic()
        for number in self.hosts:
            lab.wait_for_ssh(number)
        self.await_joined()
        print(f"  formed {time.monotonic() - began:.1f} s after the last power cut", file=sys.stderr)
        self.assert_one_ensemble()


class WrongClock(Case):
    """Agents whose clock is wrong: of joining, of the resident agent and of each session. All hosts of the lab share one
    clock, so their agents are programs that libfaketime is put before; servers are static, and keep the right time."""

    @classmethod
    def setUpClass(cls):
        global programs
        if not FAKETIME.exists():
            skip("faketime is not installed (scripts/deps test)")
        if not (BIN / "lab_agent").exists():
            skip("lab_agent is not built (preset release)")
        cls.shipped, programs = programs, Programs(agent="lab_agent")
        cls.addClassCleanup(cls.restore)
        server.offer(programs)

    @classmethod
    def restore(cls):
        global programs
        programs.remove()
        programs = cls.shipped
        server.offer(programs)

    def setUp(self):
        super().setUp()
        for number in self.hosts:
            self.furnish(number)

    def furnish(self, number):
        """A host without power: its agents read its clock as /etc/wrong-clock says."""
        settings = {"LD_PRELOAD": f"/usr/local/lib/{FAKETIME.name}", "FAKETIME_TIMESTAMP_FILE": "/etc/wrong-clock",
                    "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        words = " ".join(f"{name}={value}" for name, value in settings.items())
        root = lab.root(number)
        shutil.copy2(FAKETIME, root / "usr/local/lib")
        self.set_clock(number, 0)
        for unit in ("zkprov-join", "zkprov-agent"):
            drop_in = root / f"etc/systemd/system/{unit}.service.d/clock.conf"
            drop_in.parent.mkdir(parents=True, exist_ok=True)
            drop_in.write_text(f"[Service]\nEnvironment={words}\n", encoding="utf-8")
        (root / "etc/ssh/sshd_config.d/clock.conf").write_text(f"SetEnv {words}\n", encoding="utf-8")

    @staticmethod
    def set_clock(number, ahead_s):
        """At once, as a person or NTP does it."""
        file = lab.root(number) / "etc/wrong-clock"
        aside = file.with_suffix(".new")
        aside.write_text(f"{ahead_s:+d}\n", encoding="utf-8")
        aside.rename(file)

    def assert_clock(self, number, ahead_s):
        told = int(self.ssh(number, "date +%s"))
        self.assertAlmostEqual(told - time.time(), ahead_s, delta=30)

    def page(self, number, path):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://{address(number)}:9180{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def found(self, asked, number):
        """What the page of one node's agent says of another's clock, with what was measured; None: nothing."""
        node = next(node for node in self.page(asked, "/v1/ensemble")["nodes"] if node["id"] == number)
        if not node["answered"]:
            return None
        return next((each for each in node["findings"] if each["id"] == "clock.offset"), None)

    def await_offset(self, asked, number, ahead_s):
        def told():
            finding = self.found(asked, number)
            return finding if finding and abs(finding["value"] - abs(ahead_s) * 1000) < 60_000 else None
        finding = eventually(told, f"node {asked} tells that the clock of node {number} is {ahead_s} s off", 180, 1)
        self.assertEqual(finding["level"], "critical", finding)
        self.assertIn("ahead of" if ahead_s > 0 else "behind", finding["words"])

    def servers(self):
        """The same as long as no server ends."""
        return {number: self.ssh(number, "systemctl show -p MainPID,NRestarts,ExecMainStartTimestampMonotonic zookeeper")
                for number in self.hosts}

    def assert_well(self):
        """All serve, and what is told of them is of now, whatever their clocks say."""
        run = self.zkprov("status", "-o", "json")
        report = json.loads(run.out)
        self.assertIn(run.code, (EXIT_DONE, EXIT_DEGRADED), str(run))
        for node in report["nodes"]:
            self.assertTrue(node["in_sync"], str(run))
            self.assertEqual(node["health"], "serving", str(run))
            self.assertLess(node["age_ms"], 10_000, str(run))
            self.assertLessEqual({finding["id"] for finding in node["findings"]}, {"clock.offset"}, str(run))
        for asked in self.hosts:
            self.assertTrue(self.page(asked, "/v1/status")["fresh"], asked)

    def test_wrong_at_the_first_boot_and_set_later(self):
        hour = 3600
        self.set_clock(2, 5 * hour)
        self.set_clock(3, -90 * 24 * hour)
        for number in self.hosts:
            lab.power_on(number)
        for number in self.hosts:
            lab.wait_for_ssh(number)
        self.await_joined()
        for number, ahead_s in ((1, 0), (2, 5 * hour), (3, -90 * 24 * hour)):
            self.assert_clock(number, ahead_s)
        lab._write_known_hosts()
        generations = {json.loads(self.ssh(number, "cat /var/lib/zkprov/identity.json"))["generation"]
                       for number in self.hosts}
        self.assertEqual(len(generations), 1, "one ensemble")
        self.write_there(1, "/clocks", b"once")
        before = self.servers()

        # Of three the median is the right one: each of the other two finds itself off, and all pages tell it.
        for asked in self.hosts:
            self.await_offset(asked, 2, 5 * hour)
            self.await_offset(asked, 3, -90 * 24 * hour)
            self.assertIsNone(self.found(asked, 1))
        self.assert_well()
        status = self.zkprov("status")
        self.assertEqual(status.code, EXIT_DEGRADED, str(status))
        # A controller has nothing to do, and warns.
        plan = self.zkprov("plan", "--exit-code")
        self.assertEqual(plan.code, EXIT_DONE, str(plan))
        self.assertIn("set up NTP", plan.text)
        self.assertEqual(self.zkprov("apply", "--yes").code, EXIT_DONE)

        # What agents saw stands on one clock, the controller's. (What servers saw would, too, had they their host's clock.)
        events = json.loads(self.zkprov("events", "-o", "json").out)
        times = [event["at_ms"] for event in events["events"] if event["seen_by"] == "agent"]
        self.assertGreater(len(times), 2, events)
        for at_ms in times:
            self.assertLess(abs(at_ms / 1000 - time.time()), 3600, events)

        # It is set right at two hosts, and jumps at the third: hours forth, and then more of them back.
        self.set_clock(2, 0)
        self.set_clock(3, 0)
        for ahead_s in (6 * hour, -2 * hour):
            self.set_clock(1, ahead_s)
            for asked in (1, 2):
                self.await_offset(asked, 1, ahead_s)
            eventually(lambda: self.found(1, 2) is None and self.found(2, 3) is None, "the others are right", 180, 1)
            self.assert_well()
        self.set_clock(1, 0)
        eventually(lambda: all(self.found(2, number) is None for number in self.hosts), "all clocks are right", 180, 1)
        self.assert_one_ensemble()
        self.assertEqual(self.servers(), before, "no server was restarted")
        self.assertEqual(self.read_there(3, "/clocks"), b"once")

    def test_what_was_replaced_stays_so_whatever_the_time(self):
        """A node that is installed anew joins with a clock of years ago, and is no older for it."""
        for number in self.hosts:
            lab.power_on(number)
        for number in self.hosts:
            lab.wait_for_ssh(number)
        self.await_joined()
        self.write_there(1, "/clocks", b"once")
        lab.remake(2)
        self.furnish(2)
        self.set_clock(2, -3 * 365 * 24 * 3600)
        lab.boot(2)
        self.await_joined([2])
        self.assertEqual(self.join_json(2)["way"], "joined")
        lab._write_known_hosts()
        eventually(lambda: self.zkprov("status").code in (EXIT_DONE, EXIT_DEGRADED), "they serve", 60)
        self.assertEqual(self.zkprov("apply", "--yes").code, EXIT_DONE)
        made = json.loads(self.ssh(2, "cat /var/lib/zkprov/identity.json"))["incarnation"]
        self.assertEqual(made["number"], 1)
        for number in (1, 3):
            self.assertEqual(json.loads(self.ssh(number, "cat /var/lib/zkprov/members.json"))["members"], {"2": made})
        # Its server starts again: the number counts, and not the time.
        lab.stop(2)
        lab.boot(2)
        eventually(lambda: self.zkprov("status").code in (EXIT_DONE, EXIT_DEGRADED), "they serve again", 60)
        self.assertEqual(self.read_there(2, "/clocks"), b"once")


if __name__ == "__main__":
    unittest.main()
