#!/usr/bin/env python3
"""Whose clock is off? All hosts of a test share one clock, so the pages of two agents are taken over by ours, which tell
another time: the third agent sees whose clock differs from the others', and when that is its own.

    ZKPROV_BIN=build/release/bin tests/interop/clock_test.py
"""
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import servers

BIN = pathlib.Path(os.path.abspath(servers.zkserver_path())).parent
PATIENCE_S = 60


def fetch(port, target):
    """The page; None when there is none. No proxy of the environment has a part in it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open("http://127.0.0.1:%d%s" % (port, target), timeout=5) as answer:
            return json.loads(answer.read())
    except (OSError, urllib.error.URLError, ValueError):
        return None


class ShiftedPage(threading.Thread):
    """An agent's page as it was, by a clock that is `ahead_ms` ahead."""

    def __init__(self, port, page):
        super().__init__(daemon=True)
        self.ahead_ms = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                told = json.loads(json.dumps(page))
                told["node"]["wall_ms"] = int(time.time() * 1000) + owner.ahead_ms
                told["node"]["age_ms"] = told["age_ms"] = 100
                body = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.start()

    def run(self):
        self.server.serve_forever(poll_interval=0.05)

    def end(self):
        self.server.shutdown()
        self.server.server_close()


class Clocks(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="zkprov-clock-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.inventory = os.path.join(self.directory, "inventory.yaml")
        self.pages = dict(zip((1, 2, 3), servers.free_ports(3)))
        with open(self.inventory, "w") as file:
            file.write("schema: zkprov/1\ncluster: timed\ntransport: local\nbase_dir: nodes\n"
                       "agent: { http: { listen: loopback } }\nserver: { config: { preAllocSize: 1024 } }\nnodes:\n")
            for sid in self.pages:
                file.write("  - { id: %d, client_port: %d, peer_port: %d, election_port: %d, agent: { http: { port: %d } } }\n"
                           % (sid, *servers.free_ports(3), self.pages[sid]))
        self.addCleanup(self.stop)
        done = subprocess.run([BIN / "zkprov", "apply", "--yes", "-i", self.inventory, "--release-dir", BIN], capture_output=True,
                              text=True, timeout=PATIENCE_S * 2)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def stop(self):
        subprocess.run([BIN / "zkprov", "stop", "-i", self.inventory, "--yes"], capture_output=True, timeout=PATIENCE_S)

    def take_over(self, sid):
        """From here on a page of ours answers in the place of node `sid`'s agent."""
        page = servers.wait_until("the page of %d" % sid, lambda: fetch(self.pages[sid], "/v1/status"))
        for pid in servers.node_pids(self.directory, sid, "zkprov-agent"):
            os.kill(pid, signal.SIGKILL)
        servers.wait_until("its agent is gone", lambda: not servers.node_pids(self.directory, sid, "zkprov-agent"))
        shifted = ShiftedPage(self.pages[sid], page)
        self.addCleanup(shifted.end)
        return shifted

    def found(self):
        """The findings of clocks on node 1's page of the ensemble, by node; None before all are heard."""
        page = fetch(self.pages[1], "/v1/ensemble")
        if page is None or not all(node["answered"] for node in page["nodes"]):
            return None
        self.page = page
        return {node["id"]: finding for node in page["nodes"] for finding in node["findings"] if finding["id"] == "clock.offset"}

    def await_found(self, what, condition):
        def look():
            found = self.found()
            return found is not None and condition(found) and [found]
        try:
            return servers.wait_until(what, look, PATIENCE_S)[0]
        except AssertionError:
            print(json.dumps(getattr(self, "page", None), indent=1))
            raise

    def own(self):
        """What node 1's agent says of its own clock, without the others' words of today."""
        return next((f for f in fetch(self.pages[1], "/v1/status")["node"]["findings"] if f["id"] == "clock.offset"), None)

    def test_whose_clock_is_off(self):
        self.await_found("clocks agree", lambda found: not found)
        servers.wait_until("node 1 knows its own", lambda: "clock_offset_ms" in fetch(self.pages[1], "/v1/status")["node"])
        self.assertLess(abs(fetch(self.pages[1], "/v1/status")["node"]["clock_offset_ms"]), 500)

        second, third = self.take_over(2), self.take_over(3)
        third.ahead_ms = 20_000
        found = self.await_found("the third is ahead", lambda found: set(found) == {3} and found[3]["level"] == "critical")
        self.assertAlmostEqual(found[3]["value"], 20_000, delta=2000)
        self.assertIn("ahead of the median of 3", found[3]["words"])
        self.assertIsNone(self.own())

        # Now two of three tell another time than the first.
        second.ahead_ms = 20_000
        found = self.await_found("the first is behind", lambda found: set(found) == {1})
        self.assertIn("behind the median of 3", found[1]["words"])
        own = servers.wait_until("its own agent finds it", self.own)
        self.assertEqual(own["level"], "critical")
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                "http://127.0.0.1:%d/metrics" % self.pages[1], timeout=5) as metrics:
            line = next(line for line in metrics.read().decode().splitlines()
                        if line.startswith("zkprov_node_clock_offset_seconds{"))
        self.assertAlmostEqual(float(line.split()[-1]), -20, delta=2)

        # Somebody sets them: the next look counts, not the best one.
        second.ahead_ms = third.ahead_ms = 0
        self.await_found("clocks agree again", lambda found: not found)


if __name__ == "__main__":
    unittest.main(verbosity=2)
