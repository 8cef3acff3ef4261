#!/usr/bin/python3
"""A leader that was stopped for a while must not take the clock's word that its clients are gone."""
import os
import signal
import threading
import time
import unittest

import raw_client as raw
import servers

TIMEOUT_MS = 3000
PAUSE_SECONDS = 5
ROUNDS = int(os.environ.get("PAUSE_ROUNDS", "2"))


class Pinger:
    """A client that pings like a stock one, thrice in its timeout, and reads what comes."""

    def __init__(self, port):
        self.client = raw.RawClient(port, timeout=30)
        self.client.connect(TIMEOUT_MS)
        self.session = self.client.session
        self.closed = False
        self.stopping = False
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.ping, self.read)]
        for thread in self.threads:
            thread.start()

    def ping(self):
        while not self.stopping:
            try:
                self.client.send(-2, raw.PING)
            except OSError:
                return
            time.sleep(TIMEOUT_MS / 3000.0)

    def read(self):
        try:
            while True:
                self.client.read_frame()
        except (raw.Closed, OSError):
            self.closed = not self.stopping

    def stop(self):
        self.stopping = True
        self.client.socket.shutdown(2)
        for thread in self.threads:
            thread.join()
        self.client.close()


class PausedLeader(unittest.TestCase):
    def test_sessions_survive_the_pause(self):
        # syncLimit is long enough for the followers to wait for their leader.
        with servers.Ensemble([servers.OURS] * 3, tickTime=1000, initLimit=20, syncLimit=20, minSessionTimeout=2000,
                              maxSessionTimeout=20000) as ensemble:
            ensemble.start()
            leader = ensemble.wait_leader()
            clients = [Pinger(leader.client_port), Pinger(ensemble.followers()[0].client_port)]
            try:
                for number in range(ROUNDS):
                    time.sleep(1.1 + 0.3 * number)
                    os.kill(leader.process.pid, signal.SIGSTOP)
                    time.sleep(PAUSE_SECONDS)
                    os.kill(leader.process.pid, signal.SIGCONT)
                    time.sleep(2.5)
                    self.assertEqual(leader.mode(), "leader", "nobody else was elected")
                    for client, place in zip(clients, ("leader", "follower")):
                        self.assertFalse(client.closed, "round %d: the client at the %s" % (number, place))
                    with open(os.path.join(leader.folder, "server.log"), errors="replace") as log:
                        self.assertNotIn("session.expired", log.read(), "round %d" % number)
            finally:
                for client in clients:
                    client.stop()

    def test_a_client_that_has_gone_still_expires(self):
        with servers.Ensemble([servers.OURS] * 3, tickTime=1000, initLimit=20, syncLimit=20, minSessionTimeout=2000,
                              maxSessionTimeout=20000) as ensemble:
            ensemble.start()
            leader = ensemble.wait_leader()
            gone = raw.RawClient(leader.client_port)
            gone.connect(TIMEOUT_MS)
            gone.close()
            os.kill(leader.process.pid, signal.SIGSTOP)
            time.sleep(1)
            os.kill(leader.process.pid, signal.SIGCONT)

            def expired():
                with open(os.path.join(leader.folder, "server.log"), errors="replace") as log:
                    return "session.expired" in log.read()
            servers.wait_until("the session expires", expired, 10)


if __name__ == "__main__":
    unittest.main()
