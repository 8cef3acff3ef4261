#!/usr/bin/env python3
"""What zkserver says, and how it ends, when it cannot start: one clear line, a documented exit code, nothing changed.

    ZKSERVER=build/debug/bin/zkserver tests/zkserver/start_test.py
"""

import errno
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SERVER = os.path.abspath(os.environ["ZKSERVER"])
PATIENCE_S = 60


def listener():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


class Start(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zkserver-start-")
        self.data = self.path("data")
        os.mkdir(self.data)
        self.write("data/myid", "1")
        # Nobody answers on the ports of the others: they are closed again at once.
        sockets = [listener() for _ in range(7)]
        self.ports = [s.getsockname()[1] for s in sockets]
        for s in sockets:
            s.close()

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)

    def config(self, *more, client=None, quorum=None, election=None, without=()):
        port = self.ports
        lines = ["tickTime=2000", "initLimit=10", "syncLimit=5", "dataDir=" + self.data,
                 "clientPort=%d" % (client or port[0]),
                 "server.1=127.0.0.1:%d:%d" % (quorum or port[1], election or port[2]),
                 "server.2=127.0.0.1:%d:%d" % (port[3], port[4]),
                 "server.3=127.0.0.1:%d:%d" % (port[5], port[6])]
        lines = [line for line in lines if not line.startswith(tuple(without) or ("-",))]
        self.write("zoo.cfg", "\n".join(lines + list(more)) + "\n")

    def start(self, *arguments):
        return subprocess.Popen([SERVER] + list(arguments or [self.path("zoo.cfg")]), text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def refused(self, code, *words):
        """Starts, which must end by itself with `code` and all of `words` in its last line. Gives all lines."""
        process = self.start()
        try:
            errors = process.communicate(timeout=PATIENCE_S)[1]
        finally:
            process.kill()
        lines = errors.strip().splitlines()
        self.assertEqual(process.returncode, code, errors)
        for word in words:
            self.assertIn(word, lines[-1])
        return lines

    def test_a_server_starts_and_ends_with_sigterm(self):
        self.config()
        process = self.start()
        for line in process.stderr:
            if "server.started" in line:
                break
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=PATIENCE_S)[1]
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("server.stopped", errors)

    # The first process of a container hears no signal that it does not ask for: it would be killed after ten seconds.
    def test_sigterm_ends_it_while_it_reads_its_data(self):
        self.config()
        os.mkdir(self.path("data/version-2"))
        os.mkfifo(self.path("data/version-2/log.1"))
        process = self.start()
        writer = self.writer_of(self.path("data/version-2/log.1"))  # which says nothing
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=PATIENCE_S)[1]
        os.close(writer)
        self.assertEqual(process.returncode, 0, errors)

    def writer_of(self, fifo):
        """There is one as soon as somebody reads."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                self.assertEqual(error.errno, errno.ENXIO)
            time.sleep(0.02)
        self.fail("it does not read the file")

    def test_bad_lines_are_named(self):
        self.config("syncLimit=many")
        self.refused(2, self.path("zoo.cfg") + ":9: syncLimit=many: must be a whole number")
        self.config("server.4=127.0.0.1:1")
        self.refused(2, self.path("zoo.cfg") + ":9: server.4: ")
        self.config("secureClientPort=2281")
        self.refused(2, ":9: secureClientPort=2281: ", "TLS")
        self.assertEqual(os.listdir(self.data), ["myid"], "nothing is changed")

    def test_missing_settings_are_named(self):
        self.config(without=["clientPort"])
        self.refused(2, "clientPort=2181")
        self.config(without=["dataDir"])
        self.refused(2, "dataDir is not set")
        self.config("server.4=127.0.0.1:1:2:observer")
        self.refused(2, "server.4 is an observer")

    # Three lines of one id leave one server: what is wrong is not that it is alone.
    def test_warnings_are_told_before_a_refusal(self):
        self.config("server.1=127.0.0.1:5:6", "Server.2=127.0.0.1:7:8", "standaloneEnabled=maybe",
                    without=["server.2", "server.3"])
        lines = self.refused(2, "standaloneEnabled=maybe")
        path = self.path("zoo.cfg")
        self.assertEqual(lines[0], "zkserver: warning: " + path +
                         ":7: server.1 is set again (first in line 6); the last one counts")
        self.assertIn(path + ":8: Server.2=127.0.0.1:7:8: not a setting of this server", lines[1])
        self.assertEqual(len(lines), 3)

    def test_identity_is_checked(self):
        self.config()
        self.write("data/myid", "7")
        self.refused(2, "myid", "server.7")
        self.write("data/myid", "one")
        self.refused(2, self.path("data/myid"), "'one' is not a server id")
        os.remove(self.path("data/myid"))
        self.refused(2, self.path("data/myid"), "No such file")

    def started(self, process):
        for line in process.stderr:
            if "server.started" in line:
                return
        self.fail("it ended with %d" % process.wait(PATIENCE_S))

    def ended(self, process):
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=PATIENCE_S)[1]
        self.assertEqual(process.returncode, 0, errors)

    def mode(self, port):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as asked:
            asked.sendall(b"srvr")
            answer = b""
            while chunk := asked.recv(4096):
                answer += chunk
        return [line for line in answer.decode().splitlines() if line.startswith("Mode: ")]

    # No myid, no quorum port, no election port: those of the line are somebody else's here.
    def test_a_server_alone(self):
        os.remove(self.path("data/myid"))
        with listener() as taken:
            port = taken.getsockname()[1]
            for without in (["server."], ["server.2", "server.3", "initLimit", "syncLimit"]):
                self.config(quorum=port, election=port + 1, without=without)
                process = self.start()
                self.started(process)
                self.assertEqual(self.mode(self.ports[0]), ["Mode: standalone"])
                self.ended(process)
        self.assertEqual(os.listdir(self.data + "/version-2"), ["snapshot.0"], "no epochs")

    def test_one_line_and_standalone_enabled_false_is_an_ensemble(self):
        self.config("standaloneEnabled=false", without=["server.2", "server.3"])
        process = self.start()
        self.started(process)
        deadline = time.monotonic() + PATIENCE_S
        while self.mode(self.ports[0]) != ["Mode: leader"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        self.ended(process)
        self.assertIn("currentEpoch", os.listdir(self.data + "/version-2"))

    # As Apache's: the port of the line counts for the one whose myid names it.
    def test_the_client_port_of_a_line_alone(self):
        line = "server.1=127.0.0.1:%d:%d;127.0.0.1:%d" % tuple(self.ports[1:4])
        self.config(line, without=["clientPort", "server."])
        os.remove(self.path("data/myid"))
        self.refused(2, "no port for clients")
        self.write("data/myid", "1")
        process = self.start()
        self.started(process)
        self.assertEqual(self.mode(self.ports[3]), ["Mode: standalone"])
        self.ended(process)
        self.write("data/myid", "x")
        self.refused(2, "'x' is not a server id")

    def test_port_and_directory_instead_of_a_file(self):
        data = self.path("other")
        process = self.start(str(self.ports[0]), data, "500", "7")
        self.started(process)
        self.assertEqual(self.mode(self.ports[0]), ["Mode: standalone"])
        self.ended(process)
        self.assertIn("snapshot.0", os.listdir(data + "/version-2"))
        for words, wrong in ((["2181x", data], "PORT"), ([str(self.ports[0]), data, "0"], "TICKTIME"),
                             (["1", data, "2000", "60", "more"], "one word too many")):
            process = self.start(*words)
            errors = process.communicate(timeout=PATIENCE_S)[1]
            self.assertEqual(process.returncode, 2)
            self.assertIn(wrong, errors)

    def test_a_server_alone_does_not_begin_anew_where_data_were(self):
        os.mkdir(self.data + "/version-2")
        self.write("data/version-2/currentEpoch", "3")
        self.config(without=["server."])
        self.refused(3, self.data + "/initialize", "there was a database")
        self.config("db.autocreate=false", without=["server."])
        self.write("data/initialize", "")
        process = self.start()
        self.started(process)
        self.ended(process)

    def test_no_file_to_read(self):
        process = self.start(self.folder.name)
        errors = process.communicate(timeout=PATIENCE_S)[1]
        self.assertEqual(process.returncode, 2)
        self.assertIn(self.folder.name, errors)
        self.assertNotIn("dataDir", errors)

    def test_taken_ports(self):
        with listener() as taken:
            port = taken.getsockname()[1]
            self.config(client=port)
            self.refused(1, "client port", str(port), "clientPort in zoo.cfg")
            self.config(quorum=port)
            self.refused(14, "quorum port 127.0.0.1:%d" % port, "Address already in use")
            self.config(election=port)
            self.refused(14, "election port 127.0.0.1:%d" % port, "Address already in use")

    def test_one_directory_one_server(self):
        self.config()
        first = self.start()
        for line in first.stderr:
            if "server.started" in line:
                break
        self.config(client=self.ports[6], quorum=self.ports[5], election=self.ports[4],
                    without=["server.2", "server.3"])
        with open(self.path("zoo.cfg"), "a") as file:
            file.write("standaloneEnabled=false\n")
        self.refused(3, self.data + " is used by another server")
        first.terminate()
        first.communicate(timeout=PATIENCE_S)

    def test_directories_that_cannot_be_used(self):
        self.config("datadir.autocreate=false")
        self.refused(3, self.data + "/version-2 is missing", "datadir.autocreate")
        self.assertEqual(os.listdir(self.data), ["myid"], "nothing is made")
        self.config("dataLogDir=/proc/no/logs")
        self.refused(3, "/proc/no")
        if os.geteuid() != 0:
            os.mkdir(self.path("data/version-2"), 0o555)
            self.config()
            self.refused(3, self.data + "/version-2 cannot be written", "Permission denied")
            os.rmdir(self.path("data/version-2"))
            os.chmod(self.data, 0o555)
            self.refused(3, self.data + " cannot be written", "Permission denied")
            os.chmod(self.data, 0o755)


if __name__ == "__main__":
    unittest.main()
