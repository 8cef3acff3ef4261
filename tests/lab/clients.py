"""Clients of the ensemble for the end-to-end tests: kazoo, Apache's zkCli.sh, and a writer that remembers what was
acknowledged. Call enter_namespace() first: from then on this process reaches the lab and nothing else."""

import ctypes
import logging
import os
import subprocess
import threading
import time

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry

CLONE_NEWNET = 0x40000000
ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"
CLIENT_PORT = 2181

logging.getLogger("kazoo").setLevel(logging.CRITICAL)


def enter_namespace(name):
    """Moves this thread, and all threads and programs it starts later, into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{name}", "rb") as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {name}")


def connect(hosts, timeout_s=20, session_s=6):
    """A started kazoo client; `hosts` are addresses."""
    client = KazooClient(hosts=",".join(f"{host}:{CLIENT_PORT}" for host in hosts), timeout=session_s,
                         connection_retry=KazooRetry(max_tries=-1, delay=0.1, max_delay=0.5))
    try:
        client.start(timeout=timeout_s)
    except KazooTimeoutError:
        client.stop()
        client.close()
        raise
    return client


def close(client):
    client.stop()
    client.close()


def four_letter(host, word, timeout_s=3, port=CLIENT_PORT):
    import socket
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        connection.sendall(word.encode())
        connection.settimeout(timeout_s)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return answer.decode(errors="replace")


def zkcli(host, *command):
    """Runs one command of Apache's zkCli.sh; its output."""
    result = subprocess.run([ZKCLI, "-server", f"{host}:{CLIENT_PORT}", *command], capture_output=True, text=True,
                            timeout=60, check=False, env=dict(os.environ, JAVA_OPTS="", JVMFLAGS="-Xmx64m"))
    return result.stdout + result.stderr


class Writer:
    """Creates /<root>/w-NNNNNN one after the other from a thread of its own and notes each acknowledgement.

    A create whose answer was lost is tried again under the same name, so NodeExists counts as acknowledged: the
    first try got through. `gap_s` is the longest time between two acknowledgements.
    """

    def __init__(self, hosts, root):
        self.root = root
        self.acknowledged = []
        self.gap_s = 0.0
        self._hosts = hosts
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self.wait_for_more(3)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join(30)
        if self._error is not None:
            raise self._error

    def wait_for_more(self, count, timeout_s=40):
        """Until `count` more writes were acknowledged."""
        goal = len(self.acknowledged) + count
        deadline = time.monotonic() + timeout_s
        while len(self.acknowledged) < goal:
            if self._error is not None:
                raise self._error
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.root}: no {count} writes within {timeout_s} s")
            time.sleep(0.01)

    def _run(self):
        try:
            client = connect(self._hosts)
            client.ensure_path(self.root)
            last = time.monotonic()
            while not self._stop.is_set():
                path = f"{self.root}/w-{len(self.acknowledged):06d}"
                try:
                    client.create(path, str(len(self.acknowledged)).encode())
                except NodeExistsError:
                    pass
                except (KazooException, KazooTimeoutError):
                    time.sleep(0.05)
                    continue
                self.acknowledged.append(path)
                now = time.monotonic()
                self.gap_s = max(self.gap_s, now - last)
                last = now
                time.sleep(0.005)
            close(client)
        except Exception as error:  # pylint: disable=broad-except
            self._error = error
