#!/usr/bin/env python3
"""How long an outage of the network lasts after it is over: three servers, each in a network namespace of its own.

    /usr/bin/python3 bench/outage.py build/release/bin/zkserver [OTHER] [--cases follower,leader,all] [--seconds 45,75]
                                     [--by detach|down]

A case cuts one follower, the leader, or all three off for so many seconds. The row says after how many seconds from the
heal a write through each server succeeded (polled each 20 ms; a server that kept serving shows about 0), and the worst.
Several binaries make several rows. Needs root; leaves no namespace behind, on SIGTERM and SIGINT either.
tickTime=2000, initLimit=10, syncLimit=5. Run it with nothing else on the machine.
"""
import argparse
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "interop"))
import namespaces  # noqa: E402
import raw_client  # noqa: E402

GIVE_UP_SECONDS = 120


def write_once(server):
    """One write in a session of its own; False when the server does not serve."""
    def attempt():
        try:
            client = raw_client.RawClient(namespaces.CLIENT_PORT, timeout=2)
        except OSError:
            return False
        try:
            client.connect()
            _, _, error, _ = client.call(1, raw_client.SET_DATA, raw_client.set_data_body("/outage", b"x"))
            return error == 0
        except (OSError, raw_client.Closed, IndexError, ValueError):
            return False
        finally:
            client.close()
    return namespaces.within(server.namespace, attempt)


def seconds_until_written(ensemble, since):
    taken = {}

    def poll(server):
        while time.monotonic() - since < GIVE_UP_SECONDS:
            if write_once(server):
                taken[server.sid] = time.monotonic() - since
                return
            time.sleep(0.02)
        taken[server.sid] = float("inf")

    threads = [threading.Thread(target=poll, args=(server,)) for server in ensemble.servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def create_node(server):
    def attempt():
        with raw_client.RawClient(namespaces.CLIENT_PORT) as client:
            client.connect()
            return client.call(1, raw_client.CREATE, raw_client.create_body("/outage"))[2]
    error = namespaces.within(server.namespace, attempt)
    if error not in (0, -110):
        raise RuntimeError("create: error %d" % error)


def measure(ensemble, case, seconds, by):
    leader = ensemble.wait_leader(120)
    targets = {"follower": ensemble.followers()[:1], "leader": [leader], "all": ensemble.servers}[case]
    for server in targets:
        ensemble.cut(server, by)
    time.sleep(seconds)
    for server in targets:
        ensemble.heal(server, by)
    return seconds_until_written(ensemble, time.monotonic())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", nargs="+", metavar="ZKSERVER")
    parser.add_argument("--cases", default="follower,leader,all")
    parser.add_argument("--seconds", default="45,75")
    parser.add_argument("--by", choices=["detach", "down"], default="detach")
    options = parser.parse_args()
    if not namespaces.available():
        sys.exit("needs root and network namespaces")
    print("%-9s %6s  %-8s %-8s %-8s %-8s %s" % ("cut", "s", "s1", "s2", "s3", "worst", "binary"))
    for case in options.cases.split(","):
        for seconds in options.seconds.split(","):
            for binary in options.binaries:
                with namespaces.Ensemble(3, os.path.abspath(binary), tickTime=2000, initLimit=10,
                                         syncLimit=5) as ensemble:
                    ensemble.start()
                    create_node(ensemble[1])
                    taken = measure(ensemble, case, float(seconds), options.by)
                    print("%-9s %6s  %-8.2f %-8.2f %-8.2f %-8.2f %s" % (
                        (case, seconds) + tuple(taken[i] for i in (1, 2, 3)) + (max(taken.values()), binary)),
                        flush=True)


if __name__ == "__main__":
    main()
