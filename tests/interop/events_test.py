#!/usr/bin/env python3
"""`zkprov events` beside what happened: an ensemble made by `zkprov apply` on this machine, whose leader is killed.

    ZKPROV_BIN=build/release/bin tests/interop/events_test.py
"""
import calendar
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import servers

ZKPROV = pathlib.Path(os.environ["ZKPROV_BIN"]).resolve()
if ZKPROV.is_file():
    ZKPROV = ZKPROV.parent
ZKPROV = ZKPROV / "zkprov"


class Events(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="zkprov-events-")
        self.inventory = os.path.join(self.directory, "inventory.yaml")
        nodes = "".join("  - { id: %d, client_port: %d, peer_port: %d, election_port: %d }\n" % (sid, *servers.free_ports(3))
                        for sid in (1, 2, 3))
        with open(self.inventory, "w") as file:
            file.write("schema: zkprov/1\ncluster: told\ntransport: local\nbase_dir: nodes\n"
                       "server: { config: { tickTime: 500 } }\nnodes:\n" + nodes)

    def tearDown(self):
        for sid in (1, 2, 3):
            for pid in self.pids(sid, "zkprov-agent"):
                os.kill(pid, signal.SIGCONT)
        subprocess.run([ZKPROV, "stop", "-i", self.inventory, "--yes"], capture_output=True, timeout=60)
        shutil.rmtree(self.directory, ignore_errors=True)

    def zkprov(self, *words, status=0):
        done = subprocess.run([ZKPROV, *words, "-i", self.inventory], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def pids(self, sid, program):
        return servers.node_pids(self.directory, sid, program)

    def await_leader(self, but=None):
        for _ in range(300):
            done = subprocess.run([ZKPROV, "status", "-o", "json", "-i", self.inventory], capture_output=True, text=True,
                                  timeout=60)
            status = json.loads(done.stdout)
            serving = [node["id"] for node in status["nodes"] if node.get("health") == "serving"]
            if status["leader"] not in (None, but) and len(serving) >= (3 if but is None else 2):
                return status["leader"], status["epoch"]
            time.sleep(0.2)
        self.fail("no leader: " + done.stdout)

    def check_story(self, text, leader, epoch, between):
        first = re.match(r"Server (\d+) leads in epoch (\d+) since (.* UTC)\.$", text.splitlines()[0])
        self.assertIsNotNone(first, text)
        self.assertEqual((int(first[1]), int(first[2])), (leader, epoch), text)
        since = time.strptime(first[3], "%Y-%m-%d %H:%M:%S UTC")
        self.assertTrue(int(between[0]) <= calendar.timegm(since) <= between[1], text)
        times = [float(number) for number in re.findall(r"^ +([+-][0-9.]+) ms  ", text, re.M)]
        self.assertEqual(times, sorted(times))
        self.assertRegex(text, r"ms  %d decides to lead\n" % leader)
        self.assertRegex(text, r"ms  %d serves in epoch %d\n" % (leader, epoch))
        self.assertRegex(text, r"ms  %d sees a majority for %d: " % (leader, leader))
        self.assertRegex(text, r"Why %d: beside " % leader)

    def test_a_boot_and_the_death_of_a_leader(self):
        began = time.time()
        self.zkprov("apply", "--yes")
        first, epoch = self.await_leader()
        self.check_story(self.zkprov("events", "--explain"), first, epoch, (began, time.time()))

        # Its agent may not start it again yet.
        agents, killed = self.pids(first, "zkprov-agent"), self.pids(first, "zkserver")
        self.assertEqual((len(agents), len(killed)), (1, 1))
        os.kill(agents[0], signal.SIGSTOP)
        died = time.time()
        os.kill(killed[0], signal.SIGKILL)
        second, next_epoch = self.await_leader(but=first)
        self.assertGreater(next_epoch, epoch)
        text = self.zkprov("events", "--explain")
        self.check_story(text, second, next_epoch, (died, time.time()))
        survivors = sorted({1, 2, 3} - {first})
        follower = sum(survivors) - second
        self.assertRegex(text, r"ms  %d decides to follow %d\n" % (follower, second))
        for sid in survivors:
            self.assertRegex(text, r"ms  %d looks for a leader: (?!the server has started)" % sid)
        self.assertRegex(text, r"(?m)^%d is missing here: its server does not answer: " % first)
        self.assertRegex(text, r"ms  %d sees a majority for %d: %d, %d\n" % (second, second, *survivors))

        report = json.loads(self.zkprov("events", "-o", "json", "--since", "10m"))
        self.assertEqual(report["schema"], "zkprov.events/1")
        self.assertEqual({node["id"]: node["tells_votes"] for node in report["nodes"]},
                         {sid: sid != first for sid in (1, 2, 3)})
        serves = [event for event in report["events"] if event["kind"] == "serves" and event["epoch"] == next_epoch]
        self.assertEqual(sorted(event["node"] for event in serves), survivors)
        self.assertEqual({event["leader"] for event in serves}, {second})
        ended = [event for event in report["events"] if event["kind"] == "ended" and event["at_ms"] >= died * 1000 - 50]
        self.assertEqual(sorted(event["node"] for event in ended), survivors)
        roles = [event for event in report["events"] if event["seen_by"] == "agent" and event["node"] == first]
        self.assertTrue(any(event["leader"] == first for event in roles), "what the agent saw of it is on the disk")
        times = [event["at_ms"] for event in report["events"]]
        self.assertEqual(times, sorted(times))

        os.kill(agents[0], signal.SIGCONT)
        self.await_leader()
        text = self.zkprov("events", "--explain")
        self.check_story(text, second, next_epoch, (died, time.time()))
        self.assertRegex(text, r"(?m)^%d came when there was a leader already, at .*: the server has started\." % first)
        self.assertRegex(self.zkprov("events"), r"(?m)^[0-9-]+ [0-9:.]+ +%d +agent +(down|looking)" % first)

    def changes(self):
        """What each agent saw, by node: changes with their causes, oldest first."""
        report = json.loads(self.zkprov("events", "-o", "json"))
        seen = {sid: [] for sid in (1, 2, 3)}
        for event in report["events"]:
            if event["kind"] == "role":
                seen[event["node"]].append(event)
        return report, seen

    def await_change(self, what, fits):
        """The first change of a node that fits; the agents look each second."""
        for _ in range(100):
            report, seen = self.changes()
            found = [event for node in sorted(seen) for event in seen[node] if fits(event)]
            if found:
                return found
            time.sleep(0.3)
        self.fail("no change: %s\n%s" % (what, json.dumps(seen, indent=1)))

    def after_loss(self, sid, old_epoch):
        """The change with which a node that lived on lost the leader of that epoch, and the one with the next leader."""
        _, seen = self.changes()
        losses = [at for at, event in enumerate(seen[sid]) if event["cause"] == "leader_lost"
                  and seen[sid][at - 1]["epoch"] == old_epoch]
        self.assertEqual(len(losses), 1, json.dumps(seen[sid], indent=1))
        found = [event for event in seen[sid][losses[0]:] if event["leader"] is not None and event["epoch"] > old_epoch]
        return seen[sid][losses[0]], found[0]

    def test_why_a_leader_went_and_what_outlives_whom(self):
        self.zkprov("apply", "--yes")
        first, epoch = self.await_leader()
        survivors = sorted({1, 2, 3} - {first})
        self.await_change("all have a leader", lambda event: event["node"] == survivors[0] and event["epoch"] == epoch
                          and event["leader"] == first)
        self.await_change("the other as well", lambda event: event["node"] == survivors[1] and event["epoch"] == epoch
                          and event["leader"] == first)

        # The leader's process dies. Its own agent says how; the others that they lost it, and how long they had none.
        os.kill(self.pids(first, "zkserver")[0], signal.SIGKILL)
        killed = self.await_change("killed", lambda event: event["cause"] == "killed")
        self.assertEqual([(event["node"], event["signal"]) for event in killed], [(first, 9)])
        self.assertIn("killed by signal 9 (SIGKILL)", killed[0]["words"])
        second, next_epoch = self.await_leader()
        for sid in survivors:
            self.await_change("%d has the next leader" % sid,
                              lambda event: event["node"] == sid and event["epoch"] == next_epoch and event["leader"])
            loss, found = self.after_loss(sid, epoch)
            self.assertIn("its leader went away", loss["words"])
            self.assertEqual((loss["leader_fate"]["leader"], loss["leader_fate"]["cause"]), (first, "killed"), loss)
            self.assertIn("server %d: its process was killed by signal 9 (SIGKILL)" % first, loss["words"])
            self.assertIsNotNone(found["without_leader_ms"], found)
            self.assertTrue(0 < found["without_leader_ms"] < 60000, found)
        table = self.zkprov("events")
        self.assertRegex(table, r"agent +[a-z].*: its leader went away \(.*\); server %d: its process was killed" % first)
        self.assertRegex(table, r"[0-9.]+ m?s without a leader\n")

        # An agent that is killed and comes back has kept all of it.
        _, before = self.changes()
        agent = self.pids(survivors[0], "zkprov-agent")
        os.kill(agent[0], signal.SIGKILL)
        self.zkprov("apply", "--yes")
        _, after = self.changes()
        self.assertEqual(after[survivors[0]][:len(before[survivors[0]])], before[survivors[0]])

        # A rolling restart by zkprov is told as such, also to those whose leader it was.
        leader, epoch_before_roll = self.await_leader()
        with open(self.inventory) as file:
            text = file.read()
        with open(self.inventory, "w") as file:
            file.write(text.replace("tickTime: 500", "tickTime: 600"))
        self.zkprov("apply", "--yes")
        _, last_epoch = self.await_leader()
        self.assertGreater(last_epoch, epoch_before_roll)
        restarted = self.await_change("restarted", lambda event: event["node"] == leader and event["cause"] == "restarted")
        self.assertIn("restarted by zkprov", restarted[0]["words"])
        fates = self.await_change("the others know why", lambda event: (event["leader_fate"] or {}).get("cause") == "restarted")
        self.assertEqual({event["leader_fate"]["leader"] for event in fates}, {leader})

        # All servers were restarted: what they saw before that is what the agents have kept.
        report, _ = self.changes()
        self.assertTrue(all(node["searches_kept"] > 0 and node["tells_votes"] for node in report["nodes"]), report["nodes"])
        serves = [event for event in report["events"] if event["kind"] == "serves" and event["epoch"] == epoch]
        self.assertEqual(sorted({event["node"] for event in serves}), [1, 2, 3])


if __name__ == "__main__":
    unittest.main()
