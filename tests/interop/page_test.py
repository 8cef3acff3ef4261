#!/usr/bin/env python3
"""The agents' web page in a browser: an ensemble made by `zkprov apply` on this machine, through the death of its leader.

    ZKPROV_BIN=build/release/bin tests/interop/page_test.py

With ZKPROV_PICTURES=DIRECTORY it leaves pictures of what was seen there.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import browser
import servers

BIN = pathlib.Path(os.path.abspath(servers.zkserver_path())).parent
PATIENCE_S = 120
TAB, RIGHT = "\ue004", "\ue014"

SEEN = """
const all = (selector) => [...document.querySelectorAll(selector)];
const words = (selector) => all(selector).map((each) => each.innerText);
return {
  contact: document.body.dataset.contact, verdict: document.getElementById('hero').dataset.verdict,
  headline: document.getElementById('headline').innerText, title: document.title,
  health: Object.fromEntries(all('.card').map((card) => [card.querySelector('h3').id.slice(5), card.dataset.health])),
  roles: Object.fromEntries(all('.card').map((card) => [card.querySelector('h3').id.slice(5), card.dataset.role])),
  silence: words('.card[data-health="silent"] .silence'), reasons: words('#reasons li'), changes: words('#changes li'),
  leading: all('#timeline .bar-leader title').map((title) => title.textContent),
  lanes: all('#timeline .name').map((name) => name.textContent), announced: document.getElementById('announcer').textContent,
  sync: document.getElementById('figure-sync').innerText, bears: document.getElementById('figure-bears').innerText,
};
"""


def is_well(seen):
    """All three serve, and nothing is wrong but what a slow or full disk of the test's machine is to blame for."""
    mine = [reason for reason in seen["reasons"] if not re.search(r"yncing the log|waits? for .*sync|free for|full ", reason)]
    return set(seen["health"].values()) == {"serving"} and seen["sync"] == "3 of 3" and not mine and \
        seen["verdict"] == ("degraded" if seen["reasons"] else "healthy")


class Page(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="zkprov-page-")
        self.inventory = os.path.join(self.directory, "inventory.yaml")
        self.pages = dict(zip((1, 2, 3), servers.free_ports(3)))
        with open(self.inventory, "w") as file:
            file.write("schema: zkprov/1\ncluster: shown\ntransport: local\nbase_dir: nodes\n"
                       "agent: { http: { listen: loopback } }\nserver: { config: { tickTime: 500 } }\nnodes:\n")
            for sid in self.pages:
                file.write("  - { id: %d, client_port: %d, peer_port: %d, election_port: %d, agent: { http: { port: %d } } }\n"
                           % (sid, *servers.free_ports(3), self.pages[sid]))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.addCleanup(self.stop)
        self.browser = browser.Browser()
        self.addCleanup(self.browser.close)

    def stop(self):
        for sid in self.pages:
            for pid in self.pids(sid, "zkprov-agent"):
                os.kill(pid, signal.SIGCONT)
        subprocess.run([BIN / "zkprov", "stop", "-i", self.inventory, "--yes"], capture_output=True, timeout=PATIENCE_S)

    def zkprov(self, *words):
        done = subprocess.run([BIN / "zkprov", *words, "-i", self.inventory], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def pids(self, sid, program):
        return servers.node_pids(self.directory, sid, program)

    def only_pid(self, sid, program):
        found = self.pids(sid, program)
        self.assertEqual(len(found), 1, program)
        return found[0]

    def await_page(self, what, condition):
        def look():
            self.seen = self.browser.run(SEEN)
            return condition(self.seen)
        try:
            servers.wait_until(what, look, PATIENCE_S)
        except Exception:
            self.picture("failed")
            print(json.dumps(self.seen, indent=1))
            raise
        return self.seen

    def picture(self, name):
        if "ZKPROV_PICTURES" in os.environ:
            self.browser.picture(os.path.join(os.environ["ZKPROV_PICTURES"], name + ".png"))

    def show(self, width, scheme):
        self.browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                              mobile=width < 500)
        self.browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def test_an_election_is_seen(self):
        self.zkprov("apply", "--yes")
        status = json.loads(self.zkprov("status", "-o", "json"))
        first, epoch = status["leader"], status["epoch"]
        watched = min(set(self.pages) - {first})
        origin = "http://127.0.0.1:%d/" % self.pages[watched]
        self.browser.open(origin)
        self.check_healthy(first)
        self.check_forms()

        # Its agent may not start it again yet.
        agent = self.only_pid(first, "zkprov-agent")
        os.kill(agent, signal.SIGSTOP)
        os.kill(self.only_pid(first, "zkserver"), signal.SIGKILL)
        second = self.check_new_leader(first, epoch)
        self.assertEqual(second["leader"], json.loads(self.status())["leader"])
        os.kill(agent, signal.SIGCONT)
        self.await_page("all three serve", lambda seen: is_well(seen) and
                        seen["headline"] == "Server %d leads" % second["leader"])
        self.picture("healed")

        self.check_keyboard()
        self.check_lost_contact(watched)
        self.assertEqual(self.browser.complaints(), [])
        requested = self.browser.requested()
        self.assertTrue(any(url == origin + "v1/ensemble" for url in requested), requested)
        # Before the page there was the browser's own, which is in its program.
        elsewhere = [url for url in requested if not url.startswith((origin, "chrome:", "chrome-untrusted:", "data:"))]
        self.assertEqual(elsewhere, [])
        self.check_ui(second["leader"])

    def check_ui(self, leader):
        """The same over the link, without a listener of the agent."""
        ui = subprocess.Popen([BIN / "zkprov", "ui", "-i", self.inventory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            url = ui.stdout.readline().strip()
            self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/$")
            self.assertNotIn(int(url.split(":")[2].strip("/")), self.pages.values())
            self.browser.open(url)
            self.await_page("the page over the link", lambda seen: seen["headline"] == "Server %d leads" % leader and
                            set(seen["health"].values()) == {"serving"})
            self.assertEqual(self.browser.complaints(), [])
            ui.send_signal(signal.SIGINT)
            self.assertEqual(ui.wait(PATIENCE_S), 0)
        finally:
            ui.kill()
            ui.communicate()

    def status(self):
        return subprocess.run([BIN / "zkprov", "status", "-o", "json", "-i", self.inventory], capture_output=True, text=True,
                              timeout=PATIENCE_S).stdout

    def check_healthy(self, leader):
        seen = self.await_page("three nodes that serve", is_well)
        self.assertEqual(seen["headline"], "Server %d leads" % leader)
        self.assertEqual(seen["roles"], {str(sid): "leader" if sid == leader else "follower" for sid in self.pages})
        self.assertEqual(seen["lanes"], ["Server 1", "Server 2", "Server 3"])
        self.assertEqual((seen["contact"], seen["sync"], seen["bears"]), ("live", "3 of 3", "1 node"))
        self.assertRegex(seen["announced"], r"^(Healthy|Serving, but not all is well)\. Server %d leads\.$" % leader)
        self.assertIn("shown: server %d leads" % leader, seen["title"])

    def check_forms(self):
        """Wide and narrow, by day and by night."""
        grounds = set()
        for width in (1200, 360):
            for scheme in ("light", "dark"):
                self.show(width, scheme)
                self.await_page("a page", lambda seen: seen["contact"] == "live")
                wide, ground = self.browser.run("return [document.documentElement.scrollWidth, "
                                                "getComputedStyle(document.body).backgroundColor];")
                self.assertLessEqual(wide, width)
                grounds.add(ground)
                self.picture("healthy-%d-%s" % (width, scheme))
        self.assertEqual(len(grounds), 2)
        self.show(1200, "light")

    def check_new_leader(self, first, epoch):
        seen = self.await_page("another leader", lambda seen: re.fullmatch(r"Server \d leads", seen["headline"]) and
                               seen["headline"] != "Server %d leads" % first and seen["health"][str(first)] == "silent")
        self.picture("one-is-silent")
        second = int(seen["headline"].split()[1])
        self.assertEqual((seen["verdict"], seen["sync"], seen["bears"]), ("degraded", "2 of 3", "none"))
        self.assertEqual(len(seen["silence"]), 1)
        self.assertIn("it led in epoch %d." % epoch, seen["silence"][0])
        self.assertTrue(any("ode %d does not answer" % first in reason for reason in seen["reasons"]), seen["reasons"])
        self.assertEqual(seen["announced"], "Serving, but not all is well. Server %d leads." % second)
        news = [change.replace("\n", " ") for change in seen["changes"]]
        told = [re.search(r"Server %d\b.* leads in epoch (\d+) (?:the search for|its) (?:a )?leader (?:came to its end|went away)" % second,
                          change) for change in news]  # between two looks, or seen while it searched
        led = [int(match[1]) for match in told if match]
        self.assertEqual(len(led), 1, news)
        self.assertGreater(led[0], epoch)
        self.assertTrue(any("its leader went away" in change for change in news), news)
        self.assertTrue(any(words.startswith("Server %d leads" % second) for words in seen["leading"]), seen["leading"])
        return {"leader": second}

    def check_keyboard(self):
        focus = "const at = document.activeElement; return at.className || at.id || at.value || at.tagName;"
        self.browser.run("document.activeElement.blur(); window.scrollTo(0, 0);")
        self.browser.press(TAB)
        self.assertEqual(self.browser.run(focus), "skip")
        self.browser.press(TAB)
        before = self.browser.run("return document.activeElement.name === 'range' && document.activeElement.value;")
        self.assertTrue(before)
        self.browser.press(RIGHT)
        chosen = self.browser.run("return document.querySelector('[name=range]:checked').value;")
        self.assertNotEqual(chosen, before)
        self.browser.press(TAB)
        self.assertEqual(self.browser.run(focus), "more")
        few = len(self.browser.run(SEEN)["changes"])
        self.browser.press(" ")
        self.assertGreater(len(self.browser.run(SEEN)["changes"]), few)

    def check_lost_contact(self, watched):
        agent = self.only_pid(watched, "zkprov-agent")
        os.kill(agent, signal.SIGSTOP)
        seen = self.await_page("lost contact", lambda seen: seen["contact"] == "lost")
        self.assertEqual((seen["verdict"], seen["title"]), ("unknown", "? shown: no contact"))
        self.assertIn("No contact with this agent for", self.browser.text("#banner"))
        self.assertIn("What is shown below is as it was at", self.browser.text("#banner"))
        self.picture("lost")
        os.kill(agent, signal.SIGCONT)
        self.await_page("contact again", lambda seen: seen["contact"] == "live" and is_well(seen))


if __name__ == "__main__":
    unittest.main()
