"""The programs under test, as the lab's cases run them."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ.get("ZKPROV_BIN", Path(__file__).resolve().parents[2] / "build/release/bin")).resolve()
PROGRAMS = ("zkprov", "zkprov-agent", "zkserver")


def missing():
    """What is not built; empty: nothing."""
    return [str(BIN / program) for program in PROGRAMS if not (BIN / program).exists()]


class Programs:
    """Copies of the binaries: a build that goes on beside must not look like an upgrade."""

    def __init__(self, agent="zkprov-agent"):
        self._place = tempfile.TemporaryDirectory(prefix="zkprov-lab-")
        self.directory = Path(self._place.name)
        for program in PROGRAMS:
            shutil.copy2(BIN / (agent if program == "zkprov-agent" else program), self.directory / program)

    @property
    def zkprov(self):
        return str(self.directory / "zkprov")

    def remove(self):
        self._place.cleanup()

    def run(self, *words, agent_socket=None, timeout=300):
        """Runs zkprov with a home directory of its own, so that no key of the machine's user is tried."""
        with tempfile.TemporaryDirectory() as home:
            env = {"PATH": os.environ["PATH"], "HOME": home, "LC_ALL": "C.UTF-8"}
            if agent_socket:
                env["SSH_AUTH_SOCK"] = str(agent_socket)
            start = time.monotonic()
            result = subprocess.run([self.zkprov, *[str(word) for word in words]], capture_output=True, text=True,
                                    timeout=timeout, check=False, env=env, stdin=subprocess.DEVNULL)
            return Run(result, time.monotonic() - start)


class Run:
    """How a zkprov command ended."""

    def __init__(self, result, seconds):
        self.code = result.returncode
        self.out = result.stdout
        self.err = result.stderr
        self.text = result.stdout + result.stderr
        self.seconds = seconds

    def __str__(self):
        return f"exit {self.code} after {self.seconds:.2f} s\n{self.text}"


def eventually(condition, what, timeout_s=60, pause_s=0.2):
    """Waits for condition() to be true; its last value is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(pause_s)
