"""Clients of the ensemble for the end-to-end tests: kazoo, Apache's zkCli.sh, a writer that remembers what was
acknowledged, and a load of sessions with ephemerals and watches. Call enter_namespace() first: from then on this process
reaches the lab and nothing else."""

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
    """A started kazoo client; `hosts` are addresses, with or without a port."""
    client = KazooClient(hosts=",".join(host if ":" in host else f"{host}:{CLIENT_PORT}" for host in hosts), timeout=session_s,
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


class Load:
    """Sessions with ephemerals and watches, and writers, from before a move until after it.

    Each session holds an ephemeral and a watch on what its writer writes. A writer sets numbers one after the other, each on the
    condition that the one before is there (the version), so that an acknowledged write that is lost is seen at once.
    """

    SESSIONS = 3
    ANSWER_S = 60
    END_S = 120  # for the answer to a writer's last question

    def __init__(self, hosts, root, session_s=10):
        self.root = root
        self.errors = []
        self.acknowledged = [0] * self.SESSIONS
        self.watches = [0] * self.SESSIONS
        self._seen = [0] * self.SESSIONS
        self._stop = threading.Event()
        self._clients = [connect(hosts, session_s=session_s) for _ in range(self.SESSIONS)]
        self.ids = [client.client_id[0] for client in self._clients]
        self._clients[0].ensure_path(root)
        for index, client in enumerate(self._clients):
            client.create(f"{root}/e{index}", b"", ephemeral=True)
            client.create(f"{root}/n{index}", b"0")
        for index in range(self.SESSIONS):
            self._watch(index)
        self._threads = [threading.Thread(target=self._run, args=(index,), daemon=True) for index in range(self.SESSIONS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def _watch(self, index):
        """The session beside watches what this one writes; it may never see less than before."""
        client = self._clients[(index + 1) % self.SESSIONS]

        @client.DataWatch(f"{self.root}/n{index}")
        def _changed(data, _stat):
            if data is None:
                self.errors.append(f"n{index} is gone")
                return
            self.watches[index] += 1
            if int(data) < self._seen[index]:
                self.errors.append(f"a watcher of n{index} saw {int(data)} after {self._seen[index]}")
            self._seen[index] = int(data)

    def _run(self, index):
        client = self._clients[index]
        path = f"{self.root}/n{index}"
        written = 0
        while not self._stop.is_set():
            try:
                stat = client.set(path, str(written + 1).encode(), version=written)
                written += 1
                self.acknowledged[index] += 1
                if stat.version != written:
                    self.errors.append(f"{path}: write {written} has version {stat.version}")
            except Exception:  # pylint: disable=broad-except
                found = self._look(client, path)
                if found is None:
                    return
                if found < written:
                    self.errors.append(f"{path}: {written} was acknowledged, {found} is there")
                if found > written + 1:
                    self.errors.append(f"{path}: {found} was never written")
                written = found
            time.sleep(0.01)

    def _look(self, client, path):
        for _ in range(600):
            try:
                return int(client.get(path)[0])
            except Exception:  # pylint: disable=broad-except
                if self._stop.is_set():
                    return None
                time.sleep(0.1)
        self.errors.append(f"{path} could not be read for a minute")
        return None

    def __exit__(self, *_):
        deadline = time.monotonic() + self.END_S
        for thread in self._threads:
            while thread.is_alive():
                late = time.monotonic() > deadline
                if late or sum(self.acknowledged) > 0:
                    self._stop.set()
                thread.join(0.1)
                if late and thread.is_alive():
                    self.errors.append(f"a writer of {self.root} has had no answer for {self.END_S} s")
                    break

    def finish(self, case):
        """What must hold at the end."""
        case.assertEqual(self.errors, [])
        for index, client in enumerate(self._clients):
            case.assertEqual(client.client_id[0], self.ids[index], "a session was lost")
            client.sync_async(self.root).get(timeout=self.ANSWER_S)
            ephemeral = client.get_async(f"{self.root}/e{index}").get(timeout=self.ANSWER_S)[1]
            case.assertEqual(ephemeral.ephemeralOwner, self.ids[index])
            case.assertGreater(self.acknowledged[index], 20)
            case.assertGreater(self.watches[index], 1)
        case.assertEqual(self.errors, [])
        for client in self._clients:
            close(client)
