#!/usr/bin/python3
"""A server that has lost its ensemble lets clients read that ask for it (readonlymode.enabled), ours as Apache's."""
import subprocess
import unittest

from kazoo.client import KazooClient
from kazoo.exceptions import NotReadOnlyCallError
from local_sessions_test import headings_of_dump
from raw_client import *  # noqa: F403
from servers import APACHE, JARS, OURS, Ensemble, wait_until

CLOSED = "closed"
READ_ONLY = {"readonlymode.enabled": "true"}


def connected(client, **how):
    try:
        return client.connect(**how)
    except Closed:
        return CLOSED


class ReadOnly(unittest.TestCase):
    def lonely(self, ensemble):
        """Server 1 of three whose others have gone, with a node and a session from before."""
        ensemble.start()
        with RawClient(ensemble[1].client_port) as client:
            client.connect(60000)
            self.assertEqual(client.call(1, CREATE, create_body("/a", b"data"))[2], 0)
            session, password, client.session = client.session, client.password, 0
        self.assertEqual(ensemble[1].word("isro"), "rw")
        ensemble[2].kill()
        ensemble[3].kill()
        wait_until("it reads only", lambda: ensemble[1].word("isro") == "ro")
        return ensemble[1], session, password

    def story(self, flavor):
        told = {}
        # Apache's server gives sessions in this mode only where local ones are enabled.
        with Ensemble([flavor] * 3, localSessionsEnabled="true", **READ_ONLY) as ensemble:
            server, _, _ = self.lonely(ensemble)
            port = server.client_port
            told["words"] = [line for line in server.word("srvr").splitlines() if "read-only" in line]
            told["stat"] = [line for line in server.word("stat").splitlines() if "read-only" in line]
            for name, byte in (("old client", b""), ("asks for all", b"\0")):
                with RawClient(port) as client:
                    told[name] = connected(client, read_only=byte)
            with RawClient(port) as client:
                answer = client.connect(20000, read_only=b"\1")
                told["handshake"] = (len(answer), answer[-1], client.timeout, client.session != 0)
                told["changes"] = [client.call(xid, op, body)[2] for xid, (op, body) in enumerate(self.CHANGES, 1)]
                told["cut"] = client.call(50, CREATE, b"")[2]
                told["reads"] = [client.call(xid, op, body)[2] for xid, (op, body) in enumerate(self.READS, 100)]
                told["words with it"] = ("sid=0x%x," % client.session in server.word("cons"),
                                         "dataDirSize=" in server.word("conf"), "0x%x" % client.session in server.word("dump"),
                                         headings_of_dump(server), "zk_server_state\tread-only" in server.word("mntr"))
                told["data"] = client.call(60, GET_DATA, watch_body("/a"))[3][:8]
                with RawClient(port) as back:
                    told["back"] = (back.connect(20000, session=client.session, password=client.password,
                                                 read_only=b"\1")[-1], back.session == client.session)
                    told["close"] = back.call(70, CLOSE_SESSION)[2:]
                    client.session = back.session = 0
            with RawClient(port) as client:
                client.connect(20000, read_only=b"\1")
                client.session = 0
                ensemble[2].start()
                self.assertRaises(Closed, client.read_frame)
            server.wait_serving()
            wait_until("it writes again", lambda: server.word("isro") == "rw")
            with RawClient(port) as client:
                answer = client.connect(20000, read_only=b"\1")
                told["writes again"] = (answer[-1], client.call(1, SET_DATA, set_data_body("/a"))[2])
        return told

    CHANGES = [(CREATE, create_body("/b")), (CREATE2, create_body("/b")), (CREATE_CONTAINER, create_body("/b", flags=4)),
               (CREATE_TTL, ttl_body("/b", 1000)), (DELETE, version_body("/a")), (SET_DATA, set_data_body("/a")),
               (SET_ACL, set_acl_body("/a", OPEN_ACL)), (MULTI, multi_body((CREATE, create_body("/b")))),
               (CHECK, version_body("/a")), (SYNC, string("/")), (DELETE_CONTAINER, string("/a"))]
    READS = [(EXISTS, watch_body("/a", True)), (EXISTS, watch_body("/none", True)), (GET_CHILDREN2, watch_body("/")),
             (GET_ACL, string("/a")), (WHO_AM_I, b""), (PING, b""), (ADD_WATCH, string("/a") + struct.pack(">i", 1)),
             (MULTI_READ, multi_body((GET_DATA, watch_body("/a")))), (SET_WATCHES, set_watches_body(0, data=["/none"]))]

    def test_what_clients_see(self):
        ours = self.story(OURS)
        self.assertEqual(set(ours["changes"]), {-119})
        self.assertEqual(ours, self.story(APACHE))

    def test_without_local_sessions(self):
        """Where Apache's server refuses every session, ours gives some that end with the mode."""
        with Ensemble([OURS] * 3, **READ_ONLY) as ensemble:
            server, session, password = self.lonely(ensemble)
            port = server.client_port
            with RawClient(port) as client:
                self.assertEqual(connected(client, session=session, password=password, read_only=b"\1"), CLOSED,
                                 "whether it lives is not for this server to say")
            with RawClient(port) as client:
                connected(client, session=session, password=b"x" * 16, read_only=b"\1")
                self.assertEqual(client.session, 0, "a wrong password is wrong everywhere")
            stranger = KazooClient(server.address, timeout=10, read_only=True)
            stranger.start(60)
            self.assertEqual(stranger.get("/a")[0], b"data")
            self.assertRaises(NotReadOnlyCallError, stranger.set, "/a", b"x")
            read = subprocess.run(["java", "-cp", ":".join([server.folder] + JARS), "org.apache.zookeeper.ZooKeeperMain", "-r",
                                   "-server", server.address, "get", "/a"], capture_output=True, text=True, timeout=60)
            self.assertIn("data", read.stdout.splitlines(), read.stderr[-2000:])
            ensemble[2].start()
            wait_until("it writes again", lambda: server.word("isro") == "rw")
            wait_until("the client notices", lambda: self.writes(stranger))
            stranger.stop()
            stranger.close()
            with RawClient(port) as client:
                client.connect(session=session, password=password)
                self.assertEqual(client.session, session, "it has outlived all that")

    @staticmethod
    def writes(client):
        try:
            return client.set("/a", b"x")
        except Exception:  # whatever it says meanwhile
            return None

    def test_it_is_off_where_nobody_asks_for_it(self):
        with Ensemble([OURS] * 3) as ensemble:
            ensemble.start()
            ensemble[2].kill()
            ensemble[3].kill()
            wait_until("it serves nobody", lambda: ensemble[1].mode() is None)
            with RawClient(ensemble[1].client_port) as client:
                self.assertEqual(connected(client, read_only=b"\1"), CLOSED)
            self.assertEqual(ensemble[1].word("isro"), "null")


if __name__ == "__main__":
    unittest.main(verbosity=2)
