#!/usr/bin/python3
"""What servers tell of their elections (the word `elec`) beside what happened: three real servers boot, and the leader is killed.

    ZKPROV_BIN=build/release/bin tests/interop/elections_told_test.py
"""
import shlex
import unittest

import servers


def told(server):
    """The searches that a server remembers, oldest first: each is a list of (kind, values), the first one its `search` line."""
    searches = []
    lines = server.word("elec").splitlines()
    assert lines[0].startswith("elections form=1 server=%d " % server.sid), lines[:1]
    for line in lines[1:]:
        kind, *values = shlex.split(line)
        if kind == "search":
            searches.append([])
        searches[-1].append((kind, dict(value.split("=", 1) for value in values)))
    return searches


def all_of(search, kind):
    return [values for k, values in search if k == kind]


def better_by(vote, other):
    """Which rule of the order makes `vote` better, as docs/PROTOCOL.md 2.7 says it."""
    for rule, key, base in (("epoch", "epoch", 10), ("zxid", "zxid", 16), ("sid", "leader", 10)):
        if int(vote[key], base) != int(other[key], base):
            return rule if int(vote[key], base) > int(other[key], base) else None
    return None


class ElectionsTold(unittest.TestCase):
    def check_votes(self, search):
        """The rule that is told is the one that holds between the votes told; times go forward."""
        own = None
        before = 0
        for kind, values in search[1:]:
            self.assertGreaterEqual(int(values["after_us"]), before)
            before = int(values["after_us"])
            if kind != "cast":
                continue
            if values["reason"] == "better":
                self.assertEqual(values["rule"], better_by(values, own))
                self.assertIn(values["from"], [heard["from"] for heard in all_of(search, "heard")])
            own = values
        decided = all_of(search, "decided")[0]
        if decided["state"] == "LEADING":
            self.assertEqual(decided["leader"], own["leader"])

    def check_last(self, ensemble, leader, epoch):
        for server in ensemble.servers:
            if not server.alive():
                continue
            search = told(server)[-1]
            self.check_votes(search)
            decided = all_of(search, "decided")
            self.assertEqual(len(decided), 1, search)
            self.assertEqual(int(decided[0]["leader"]), leader.sid)
            self.assertEqual(decided[0]["state"], "LEADING" if server is leader else "FOLLOWING")
            serving = all_of(search, "serving")
            self.assertEqual([int(values["epoch"]) for values in serving], [epoch], search)
            self.assertEqual(all_of(search, "ended"), [])
        # The leader had a majority behind itself, and was a member of it.
        majority = all_of(told(leader)[-1], "majority")[-1]
        self.assertEqual(int(majority["leader"]), leader.sid)
        self.assertIn(str(leader.sid), majority["who"].split(","))
        self.assertGreaterEqual(len(majority["who"].split(",")), 2)

    def serving_epoch(self, server):
        values = dict(line.split("\t") for line in server.word("mntr").splitlines())
        return int(values["zk_current_epoch"])

    def test_a_boot_and_the_death_of_a_leader(self):
        with servers.Ensemble(["ours"] * 3, tickTime=500, initLimit=10, syncLimit=4) as ensemble:
            ensemble.start()
            first = ensemble.wait_leader()
            for server in ensemble.servers:
                server.wait_serving()
                self.assertEqual(told(server)[0][0][1]["why"], "the server has started")
            epoch = self.serving_epoch(first)
            self.check_last(ensemble, first, epoch)
            zxid = {server.sid: None for server in ensemble.servers}

            first.kill()
            second = ensemble.wait_leader()
            for server in ensemble.servers:
                if server is not first:
                    server.wait_serving()
            self.assertIsNot(second, first)
            self.assertGreater(self.serving_epoch(second), epoch)
            self.check_last(ensemble, second, self.serving_epoch(second))
            for server in ensemble.servers:
                if server is first:
                    continue
                searches = told(server)
                self.assertGreaterEqual(len(searches), 2)
                reign = all_of(searches[0], "ended")
                self.assertEqual(len(reign), 1, "the first reign has ended")
                self.assertEqual(searches[1][0][1]["why"], reign[0]["why"])
                self.assertNotEqual(reign[0]["why"], "the server has started")
                zxid[server.sid] = int(searches[-1][0][1]["zxid"], 16)
            # Why that server won: nobody who votes has more, and of equals the largest sid leads.
            alive = {sid: z for sid, z in zxid.items() if z is not None}
            self.assertEqual(second.sid, max(alive, key=lambda sid: (alive[sid], sid)))


if __name__ == "__main__":
    unittest.main()
