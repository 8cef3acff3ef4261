#!/usr/bin/env python3
"""What an apply costs: three bare hosts of a lab of its own, the first apply, no-op applies, and what then runs there.

    sudo /usr/bin/python3 bench/apply.py build/release/bin [--repeat 5]

Prints wall and processor time of the first apply and of no-op applies (median), connections, exec channels and bytes for
each host as zkprov itself counts them, sizes of the binaries, and resident memory of agent and server on each host.
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/lab"))
sys.dont_write_bytecode = True

from zklab import Lab, LabError  # noqa: E402

HOSTS = (1, 2, 3)
COST = re.compile(r"(\d+) connections?, (\d+) channels?, (\d+) bytes sent, (\d+) received")


def apply(lab, zkprov):
    """(wall s, processor s of zkprov, its words); ends the program when the apply fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    run = subprocess.run(lab.exec_argv([zkprov, "apply", "--stats", "-i", lab.inventory]), capture_output=True,
                         text=True, timeout=300, check=False, stdin=subprocess.DEVNULL)
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode != 0:
        raise SystemExit(f"apply ended with {run.returncode}:\n{run.stdout}{run.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, run.stdout + run.stderr


def show_cost(what, words):
    for host, found in zip(HOSTS, COST.findall(words), strict=True):
        print(f"{what}, host {host}: {found[0]} connection, {found[1]} channel, {found[2]} bytes sent, "
              f"{found[3]} received")


def resident_mib(lab, number, unit):
    words = lab.ssh(number, f"cat /proc/$(systemctl show -p MainPID --value {unit})/status").stdout
    return int(re.search(r"VmRSS:\s+(\d+)", words).group(1)) / 1024


def measure(lab, binaries, repeat):
    zkprov = binaries / "zkprov"
    for name in ("zkserver", "zkprov-agent", "zkprov"):
        print(f"size of {name}: {(binaries / name).stat().st_size / 1e6:.1f} MB")
    wall, cpu, words = apply(lab, zkprov)
    print(f"first apply: {wall:.2f} s, {cpu:.2f} s of zkprov's processor time")
    show_cost("first apply", words)
    runs = [apply(lab, zkprov) for _ in range(repeat)]
    if any("no change" not in run[2] for run in runs):
        raise SystemExit("a second apply changed something")
    print(f"no-op apply, median of {repeat}: {statistics.median(run[0] for run in runs):.2f} s, "
          f"{statistics.median(run[1] for run in runs):.3f} s of zkprov's processor time")
    show_cost("no-op apply", runs[-1][2])
    for number in HOSTS:
        print(f"resident, host {number}: agent {resident_mib(lab, number, 'zkprov-agent'):.1f} MiB, "
              f"server {resident_mib(lab, number, 'zookeeper'):.1f} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path, help="folder of zkprov, zkprov-agent and zkserver")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("bench: the lab needs root")
    lab = Lab("zkbench", say=lambda text: print(text, file=sys.stderr))
    try:
        lab.hold()
        try:
            lab.up(len(HOSTS))
            measure(lab, arguments.binaries.resolve(), arguments.repeat)
        finally:
            lab.down()
    except LabError as error:
        raise SystemExit(f"bench: {error}") from None
    return 0


if __name__ == "__main__":
    sys.exit(main())
