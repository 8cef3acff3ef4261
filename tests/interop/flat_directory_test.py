#!/usr/bin/python3
"""Half a million children of one node: while the server writes a snapshot of them it goes on to serve, and what it writes is
right. What is measured is processor time of the server's loop between two answers to one client, in the kernel's words, not
time on the wall: a loop that walks the tree in one go spends all of the snapshot's between two of them."""
import os
import re
import statistics
import struct
import unittest

from raw_client import CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, RawClient, create_body, set_data_body, string, version_body, watch_body
from servers import OURS, Ensemble, wait_until
from snapshot_file import write_snapshot

CHILDREN = 500_000
SNAP_COUNT = 400  # a snapshot begins after 200 to 400 transactions
TRIES = 3
PART_MAX = 1 / 3  # of what the snapshot costs the loop, between two answers. About a thirtieth is usual
REQUESTS_MAX = 1_000_000  # that a snapshot ends before
PATIENCE_S = 120


def path(i):
    return "/flat/n%06d" % i


def data(i):
    return b"data of %06d %s" % (i, b"x" * 80)


def cpu_ns(server):
    """Of the thread that has the server's loop, which is its first."""
    pid = server.process.pid
    with open("/proc/%d/task/%d/schedstat" % (pid, pid), encoding="utf-8") as file:
        return int(file.read().split()[0])


class Changed:
    """What a client has changed below the directory, and asks back."""

    def __init__(self, test, client):
        self.test, self.client = test, client
        self.values = {}  # of children that are not as they were; None: removed
        self.made = 0

    def call(self, op, body, error=0):
        answer = self.client.call(1, op, body)
        self.test.assertEqual((answer[0], answer[2]), (1, error))
        return answer[3]

    def next(self, i):
        """Four requests, of which three write: one child set, one removed, one made, one read."""
        step, child = divmod(i, 4)
        place = step * 7919 % CHILDREN
        if child == 0 and self.values.get(place, b"") is not None:
            self.values[place] = b"set %d" % step
            self.call(SET_DATA, set_data_body(path(place), self.values[place]))
        elif child == 1 and self.values.get(place + 1, b"") is not None and place + 1 < CHILDREN:
            self.values[place + 1] = None
            self.call(DELETE, version_body(path(place + 1)))
        elif child == 2:
            self.values[CHILDREN + self.made] = b"made %d" % step
            self.call(CREATE, create_body(path(CHILDREN + self.made), b"made %d" % step))
            self.made += 1
        else:
            self.read(step * 104729 % CHILDREN)

    def read(self, i):
        value = self.values.get(i, data(i))
        if value is None:
            self.call(GET_DATA, watch_body(path(i)), -101)
        else:
            self.test.assertTrue(self.call(GET_DATA, watch_body(path(i))).startswith(string(value)))

    def read_all(self):
        """What was changed, and what stands beside it."""
        for i in list(self.values):
            self.read(i)
            self.read((i + 2) % CHILDREN)
        count = CHILDREN + self.made - sum(value is None for value in self.values.values())
        self.test.assertEqual(struct.unpack(">i", self.call(EXISTS, watch_body("/flat"))[-12:-8])[0], count)


class FlatDirectory(unittest.TestCase):
    def saved(self, server):
        """The snapshots that are whole."""
        return {name for name in os.listdir(os.path.join(server.data_dir, "version-2")) if re.fullmatch("snapshot\\.[0-9a-f]+", name)}

    def costs_of_a_snapshot(self, server, changed, begin):
        """Processor time before each answer, until there is one snapshot more; and how many requests that were."""
        known, costs, last = self.saved(server), [], cpu_ns(server)
        for i in range(begin, begin + REQUESTS_MAX):
            changed.next(i)
            now = cpu_ns(server)
            costs.append(now - last)
            last = now
            if self.saved(server) != known:
                return costs, i + 1
        self.fail("no snapshot after %d requests" % REQUESTS_MAX)

    def part_at_once(self, costs):
        """How much of what the snapshot cost came between two answers. An ordinary request costs the median."""
        usual = statistics.median(costs)
        beyond = [max(0, cost - usual) for cost in costs]
        print("%d requests, usually %d us; the snapshot %d ms, at most %d ms at once" % (
            len(costs), usual / 1e3, sum(beyond) / 1e6, max(beyond) / 1e6), flush=True)
        return max(beyond) / sum(beyond)

    def test_a_snapshot_of_it_holds_nobody_up(self):
        with Ensemble([OURS], standalone=True, snapCount=SNAP_COUNT) as ensemble:
            server = ensemble[1]
            files = os.path.join(server.data_dir, "version-2")
            os.makedirs(files)
            children = ((path(i), data(i), 0) for i in range(CHILDREN))
            write_snapshot(os.path.join(files, "snapshot.1"), [("/flat", b"", CHILDREN), *children])
            ensemble.start()
            with RawClient(server.client_port, PATIENCE_S) as client:
                client.connect(40000)
                changed = Changed(self, client)
                parts, done = [], 0
                while len(parts) < TRIES and not any(part < PART_MAX for part in parts):
                    costs, done = self.costs_of_a_snapshot(server, changed, done)
                    parts.append(self.part_at_once(costs))
                self.assertLess(min(parts), PART_MAX, "a busy machine may hold this client up once, not each time")
            server.kill()
            server.start()
            wait_until("it serves from that snapshot", server.mode, PATIENCE_S)
            with RawClient(server.client_port, PATIENCE_S) as client:
                client.connect(40000)
                changed.client = client
                changed.read_all()


if __name__ == "__main__":
    unittest.main()
