"""The admin server: every command of Apache's server and of ours, with the same keys in the same order, and the same values
where they cannot differ."""
import json
import os
import re
import struct
import unittest
import urllib.error
import urllib.request

from kazoo.security import make_acl, make_digest_acl

from raw_client import (ADD_WATCH, CREATE, DELETE, EXISTS, GET_CHILDREN, GET_CHILDREN2, GET_DATA, MULTI, MULTI_READ, SET_DATA,
                        RawClient, create_body, multi_body, set_data_body, string, version_body, watch_body)
from servers import APACHE, OURS, Ensemble, Server, effective, free_ports, wait_until
from trees import Connected, differences, tree_of

# Debian's zookeeper.jar does not find it by itself, and then Apache's server has no admin server.
SERVLETS = "/usr/share/java/servlet-api.jar"
NAMES = {
    "configuration": ["conf", "config"], "connection_stat_reset": ["crst"], "connections": ["cons"], "dirs": [], "dump": [],
    "environment": ["env", "envi"], "get_trace_mask": ["gtmk"], "hash": [], "initial_configuration": ["icfg"],
    "is_read_only": ["isro"], "last_snapshot": ["lsnp"], "leader": ["lead"], "monitor": ["mntr"],
    "observer_connection_stat_reset": ["orst"], "observers": ["obsr"], "ruok": [], "server_stats": ["srvr"],
    "set_trace_mask": ["stmk"], "stat_reset": ["srst"], "stats": ["stat"], "system_properties": ["sysp"],
    "voting_view": [], "watch_summary": ["wchs"], "watches": ["wchc"], "watches_by_path": ["wchp"], "zabstate": []}
# Commands whose answers, with what is replaced, are equal.
EQUAL = ["connection_stat_reset", "get_trace_mask", "is_read_only", "leader", "observer_connection_stat_reset", "observers",
         "ruok", "stat_reset", "voting_view", "watch_summary", "set_trace_mask?traceMask=12",
         "set_trace_mask?traceMask=+306", "set_trace_mask", "set_trace_mask?traceMask=zz", "nosuch", "ruok/x", "zabstate"]


def raw_request(port, target, method="GET", data=None, authorization=None):
    """(status, headers, bytes)."""
    asked = urllib.request.Request("http://127.0.0.1:%d%s" % (port, target), data, method=method)
    if authorization:
        asked.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def request(port, target, method="GET"):
    """(status, headers, body)."""
    status, headers, body = raw_request(port, target, method)
    return status, headers, body.decode()


class AdminServer(Server):
    """A server with an admin port; Apache's with what it needs for that on its class path."""

    def write_config(self, members, settings):
        self.admin_port, self.metrics_port = free_ports(2)
        own = dict(settings, **{"admin.enableServer": "true", "admin.serverPort": self.admin_port,
                                "admin.serverAddress": "127.0.0.1"})
        super().write_config(members, own)

    def command(self):
        command = super().command()
        if self.flavor == APACHE:
            place = command.index("-cp") + 1
            command[place] += ":" + SERVLETS
        return command

    def get(self, name):
        status, _, body = request(self.admin_port, "/commands/" + name)
        assert status == 200, (name, status, body)
        return body

    def json(self, name):
        return json.loads(self.get(name))


class AdminEnsemble(Ensemble):
    server_class = AdminServer


def order(value):
    """Keys in their order, at every depth where they are names and not data."""
    if isinstance(value, dict):
        return [(key, order(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [order(inner) for inner in value[:1]]
    return None


class AdminOfAServerAlone(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ensembles = [AdminEnsemble([flavor], standalone=True) for flavor in (APACHE, OURS)]
        for ensemble in cls.ensembles:
            cls.addClassCleanup(ensemble.__exit__, None, None, None)
            ensemble.start()
        cls.servers = [ensemble[1] for ensemble in cls.ensembles]
        for server in cls.servers:
            wait_until("the admin server answers", lambda: answers(server))

    def clients(self):
        pair = []
        for server in self.servers:
            client = RawClient(server.client_port)
            self.addCleanup(client.__exit__)
            client.connect(15000)
            pair.append(client)
        return pair

    def both(self, name):
        return [server.json(name) for server in self.servers]

    def test_the_list_of_commands(self):
        for path in ("/commands", "/commands/"):
            (status, headers, page), (own_status, own_headers, own) = [
                request(server.admin_port, path) for server in self.servers]
            of_both = re.sub(r'<a href="/commands/(restore|snapshot)">\1</a>\n<br/>\n', "", own)  # since 3.9
            self.assertEqual((own_status, of_both), (status, page))
            self.assertNotIn("Content-Type", headers)
            self.assertEqual(own_headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(re.findall(r">(\w+)</a>", own), sorted([*NAMES, "restore", "snapshot"]))

    def test_what_is_not_there(self):
        for path in ("/", "/nosuch"):
            statuses = [request(server.admin_port, path)[0] for server in self.servers]
            self.assertEqual(statuses, [404, 404])
        for method in ("POST", "PUT"):
            statuses = [request(server.admin_port, "/commands/ruok", method)[0] for server in self.servers]
            self.assertEqual(statuses, [405, 405], method)
        (status, headers, body), own = [request(server.admin_port, "/commands/ruok", "HEAD") for server in self.servers]
        self.assertEqual((own[0], own[2], own[1]["Content-Length"]), (status, body, headers["Content-Length"]))

    def test_equal_answers(self):
        for name in EQUAL:
            with self.subTest(command=name):
                answers_of = [request(server.admin_port, "/commands/" + name) for server in self.servers]
                self.assertEqual([answer[0] for answer in answers_of], [200, 200])
                self.assertEqual([answer[1]["Content-Type"] for answer in answers_of], ["application/json"] * 2)
                self.assertEqual(answers_of[1][2], answers_of[0][2])

    def test_aliases(self):
        for name, aliases in NAMES.items():
            for alias in aliases:
                query = "?traceMask=306" if name == "set_trace_mask" else ""
                told = [answer["command"] for answer in self.both(alias + query)]
                self.assertEqual(told, [name, name])

    def test_keys_and_their_order(self):
        clients = self.clients()
        for client in clients:
            client.call(1, CREATE, create_body("/keys-e", flags=1))
            client.call(2, EXISTS, watch_body("/keys-w", True))
        for name in ("configuration", "connections", "dirs", "environment", "hash", "initial_configuration", "last_snapshot"):
            with self.subTest(command=name):
                apache, ours = self.both(name)
                self.assertEqual(order(ours), order(apache))
        for name in ("server_stats", "stats"):
            with self.subTest(command=name):
                apache, ours = self.both(name)
                # Java gives the members of this one in any order.
                self.assertEqual(sorted(ours["server_stats"]), sorted(apache["server_stats"]))
                del ours["server_stats"], apache["server_stats"]
                self.assertEqual(order(ours), order(apache))

    def test_values(self):
        clients = self.clients()
        for client in clients:
            client.call(1, CREATE, create_body("/values-e", flags=1))
            client.call(2, EXISTS, watch_body("/values-w", True))
            client.call(3, ADD_WATCH, string("/values-p") + struct.pack(">i", 0))
            client.call(4, GET_DATA, watch_body("/values-e"))
        lines = [next(line for line in answer["connections"] if line["session_id"] == client.session)
                 for answer, client in zip(self.both("connections"), clients)]
        for key in ("interest_ops", "outstanding_requests", "packets_received", "packets_sent", "last_operation",
                    "session_timeout", "last_cxid", "last_zxid"):
            self.assertEqual(lines[1][key], lines[0][key], key)
        for answer, client in zip(self.both("dump"), clients):
            self.assertEqual(answer["session_id_to_ephemeral_paths"][str(client.session)], ["/values-e"])
            self.assertIn([client.session],
                          [[sid for sid in sids if sid == client.session]
                           for sids in answer["expiry_time_to_session_ids"].values()])
        told = [sorted(answer["session_id_to_watched_paths"][str(client.session)])
                for answer, client in zip(self.both("watches"), clients)]
        self.assertEqual(told[1], told[0])
        told = [{path: sids == [client.session] for path, sids in answer["path_to_session_ids"].items()
                 if path.startswith("/values")} for answer, client in zip(self.both("watches_by_path"), clients)]
        self.assertEqual(told[1], told[0])
        apache, ours = self.both("configuration")
        for key in ("tick_time", "max_client_cnxns", "min_session_timeout", "max_session_timeout", "server_id",
                    "client_port_listen_backlog"):
            self.assertEqual(ours[key], apache[key], key)
        for server, answer in zip(self.servers, self.both("initial_configuration")):
            with open(os.path.join(server.folder, "zoo.cfg")) as f:
                self.assertEqual(answer["initial_configuration"], f.read())

    def test_properties_of_the_file(self):
        apache, ours = self.both("system_properties")
        for key in ("zookeeper.4lw.commands.whitelist", "zookeeper.admin.enableServer", "zookeeper.admin.serverAddress",
                    "os.name", "os.version", "user.home", "line.separator"):
            self.assertEqual(ours[key], apache[key], key)
        self.assertEqual(list(ours)[:-2], sorted(list(ours)[:-2]))
        # What the run as a whole is given is a key of ours.
        own = "zookeeper.clientLoops"
        self.assertFalse([key for key in ours if key.startswith("zookeeper.") and key not in apache and key != own])

    def test_monitor_has_apaches_names(self):
        apache, ours = self.both("monitor")
        self.assertEqual([key for key in apache if key not in ours], [])
        for key, value in apache.items():
            if key in ours and key != "error":
                self.assertEqual(isinstance(ours[key], str), isinstance(value, str), key)
        text = [{line.split("\t")[0][3:] for line in server.word("mntr").splitlines()} for server in self.servers]
        self.assertEqual(text[1], set(ours) - {"command", "error"})

    def test_namespaces_are_weighed_alike(self):
        clients = self.clients()
        for client in clients:
            client.call(1, CREATE, create_body("/weighed", b"12345"))
            client.call(2, CREATE, create_body("/weighed/child", b"1"))
            client.call(3, SET_DATA, set_data_body("/weighed", b"123"))
            client.call(4, GET_DATA, watch_body("/weighed"))
            client.call(5, EXISTS, watch_body("/weighed/child"))
            client.call(6, EXISTS, watch_body("/weighed/none"))
            client.call(7, GET_CHILDREN, watch_body("/weighed"))
            client.call(8, GET_CHILDREN2, watch_body("/weighed"))
            client.call(9, MULTI_READ, multi_body((GET_DATA, watch_body("/weighed/child"))))
            client.call(10, CREATE, create_body("/weighed/mine", b"12", flags=1))
            client.call(11, MULTI, multi_body((SET_DATA, set_data_body("/weighed", b"")),
                                              (DELETE, version_body("/weighed/child"))))
        told = [{key: value for key, value in answer.items() if "_weighed_" in key} for answer in self.both("monitor")]
        self.assertEqual(told[0]["cnt_weighed_write_per_namespace"], 6)
        self.assertEqual(told[0]["cnt_weighed_read_per_namespace"], 5)
        self.assertEqual(told[1], told[0])

    def test_connections_that_clients_drop_are_counted_alike(self):
        before = [answer["connection_drop_count"] for answer in self.both("monitor")]
        for server in self.servers:
            for _ in range(3):
                client = RawClient(server.client_port)
                client.connect(4000)
                client.close()  # without a word
            RawClient(server.client_port).close()  # it never said anything
            for _ in range(2):
                with RawClient(server.client_port) as client:
                    client.connect(4000)  # closes its session; then it is the server that ends the connection
            self.assertEqual(server.word("ruok"), "imok")
        wait_until("all connections have ended", lambda: all(answer["connections"] == [] for answer in self.both("connections")))
        # Of each server's six: those whose clients went first.
        wait_until("four are counted by each", lambda: [
            answer["connection_drop_count"] - then for answer, then in zip(self.both("monitor"), before)] == [4, 4])

    def test_resets_count(self):
        clients = self.clients()
        for client in clients:
            client.call(1, GET_DATA, watch_body("/"))
        for name in ("connection_stat_reset", "stat_reset"):
            self.both(name)
        for answer in self.both("server_stats"):
            self.assertEqual(answer["server_stats"]["packets_received"], 0)
            self.assertEqual(answer["client_response"]["last_buffer_size"], -1)
        for answer, client in zip(self.both("connections"), clients):
            line = next(line for line in answer["connections"] if line["session_id"] == client.session)
            self.assertEqual((line["packets_received"], line["last_operation"], line["last_cxid"]), (0, "NA", -1))


def answers(server):
    try:
        return server.json("ruok")["error"] is None
    except OSError:
        return False


class AdminOfAnEnsemble(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ensemble = AdminEnsemble([APACHE, OURS, OURS])
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.ensemble.start()
        cls.ensemble.wait_leader()
        for server in cls.ensemble.servers:
            wait_until("the admin server answers", lambda: answers(server))

    def test_members_tell_the_same_of_the_ensemble(self):
        apache, *ours = self.ensemble.servers
        expected = apache.json("voting_view")
        leader = self.ensemble.wait_leader()
        for server in ours:
            self.assertEqual(server.json("voting_view"), expected)
            told = server.json("leader")
            self.assertEqual((told["is_leader"], told["leader_id"], told["leader_ip"]),
                             (server is leader, leader.sid, "127.0.0.1"))
            state = server.json("zabstate")
            self.assertEqual(order(state), order(apache.json("zabstate")))
            self.assertEqual((state["myid"], state["voting"], state["zabstate"]), (server.sid, True, "broadcast"))
            self.assertEqual(order(server.json("observers")), order(apache.json("observers")))

    def test_monitor_of_a_leader_and_of_followers(self):
        told = {"leader": [], "follower": []}
        for server in self.ensemble.servers:
            told[server.mode()].append((server.flavor, server.json("monitor")))
        apache = next(answer for answers_of in told.values() for flavor, answer in answers_of if flavor == APACHE)
        for flavor, answer in told[apache["server_state"]]:
            # Of a leader: a key for each server, and of acknowledgements only now and then. /zookeeper/config is written by
            # each server for itself, which Apache's counts.
            missing = [key for key in apache if key not in answer and
                       not re.search(r"\d_(learner_handler_qp|ack_latency)|_zookeeper_write_per_namespace", key)]
            self.assertEqual(missing, [], flavor)
        leader = told["leader"][0][1]
        for key in ("quorum_size", "learners", "synced_followers", "synced_observers", "synced_non_voting_followers",
                    "pending_syncs", "leader_uptime", "last_proposal_size"):
            self.assertIn(key, leader)
        self.assertEqual((leader["quorum_size"], leader["learners"], leader["synced_followers"]), (3, 2, 2))


class AdminWithoutAQuorum(unittest.TestCase):
    def test_what_is_answered(self):
        with AdminEnsemble([APACHE, OURS]) as ensemble:
            told = []
            for server in ensemble.servers:
                server.start()
                wait_until("the admin server answers", lambda: up(server))
                commands = [name for name in NAMES if name not in (
                    "environment", "monitor", "system_properties", "set_trace_mask")]
                told.append({name: server.get(name) for name in commands})
                self.assertEqual(len(server.json("environment")), 20)
                server.stop()
            self.assertEqual(told[1], told[0])


def up(server):
    try:
        return request(server.admin_port, "/commands")[0] == 200
    except OSError:
        return False


class AdminOfOurs(unittest.TestCase):
    """What is ours alone."""

    def test_off_unless_asked_for(self):
        with Ensemble([OURS], standalone=True) as ensemble:
            port = free_ports(1)[0]
            with open(os.path.join(ensemble[1].folder, "zoo.cfg"), "a") as f:
                f.write("admin.serverPort=%d\n" % port)
            ensemble.start()
            with self.assertRaises(OSError):
                request(port, "/commands")

    def test_secrets_are_not_told(self):
        with AdminEnsemble([OURS], standalone=True) as ensemble:
            with open(os.path.join(ensemble[1].folder, "zoo.cfg"), "a") as f:
                f.write("some.password=hidden1\nother.secret=hidden2\\\n  hidden3\n")
            ensemble.start()
            wait_until("the admin server answers", lambda: answers(ensemble[1]))
            for name in ("icfg", "sysp"):
                answer = ensemble[1].get(name)
                self.assertIn("some.password", answer)
                self.assertNotIn("hidden", answer)

    def test_a_port_that_is_taken_is_tried_again(self):
        with AdminEnsemble([OURS, OURS], standalone=True) as ensemble:
            first, second = ensemble.servers
            first.start()
            first.wait_serving()
            wait_until("the admin server answers", lambda: answers(first))
            path = os.path.join(second.folder, "zoo.cfg")
            with open(path) as f:
                text = f.read().replace("admin.serverPort=%d" % second.admin_port,
                                        "admin.serverPort=%d" % first.admin_port)
            with open(path, "w") as f:
                f.write(text)
            second.start()
            second.wait_serving()
            self.assertIn("admin.not_listening", second.log_tail())
            first.stop()
            second.admin_port = first.admin_port
            wait_until("the other has the port now", lambda: answers(second))


ME = "digest me:secret"


class Transfers(unittest.TestCase):
    """Snapshots and their way back over the admin server."""

    def serving(self, flavors=(OURS,), **settings):
        settings = {"admin.rateLimiterIntervalInMS": 0, **settings}
        ensemble = AdminEnsemble(list(flavors), standalone=len(flavors) == 1, **settings)
        self.addCleanup(ensemble.__exit__, None, None, None)
        ensemble.start()
        for server in ensemble.servers:
            wait_until("the admin server answers", lambda: answers(server))
        return ensemble

    def snapshot(self, server, query="", authorization=ME):
        return raw_request(server.admin_port, "/commands/snapshot" + query, authorization=authorization)

    def restore(self, server, data, authorization=ME):
        status, _, body = raw_request(server.admin_port, "/commands/restore", "POST", data, authorization)
        return status, json.loads(body)

    def filled(self, server, root, count=200):
        with Connected(server.address) as client:
            client.create(root)
            for wait in [client.create_async(root + "/s-", b"%d" % i, sequence=True) for i in range(count)]:
                wait.get(30)

    def test_a_backup_and_its_way_back(self):
        for method in ("", "gz", "snappy"):
            with self.subTest(method=method):
                server = self.serving(**{"snapshot.compression.method": method} if method else {})[1]
                self.filled(server, "/kept")
                before = tree_of(server)
                status, headers, data = self.snapshot(server)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"], "application/octet-stream")
                self.assertEqual(int(headers["snapshot_size"]), len(data))
                zxid = int(headers["last_zxid"], 16)
                self.assertEqual(zxid, int(re.search(r"Zxid: (\S+)", server.word("srvr")).group(1), 16))
                self.assertEqual(server.json("last_snapshot")["zxid"], "%x" % zxid)
                self.filled(server, "/later")
                self.assertEqual(self.restore(server, data),
                                 (200, {"last_zxid": zxid, "command": "restore", "error": None}))
                self.assertEqual(server.json("monitor")["cnt_restore_time"], 1)
                self.assertEqual(differences(before, tree_of(server)), [])
                self.filled(server, "/new", 10)
                # It is on disk as well, and for either server.
                expected = tree_of(server)
                for flavor in (OURS, APACHE) if not method else (OURS,):
                    server.kill()
                    server.flavor = effective(flavor)
                    server.start()
                    server.wait_serving()
                    self.assertEqual(differences(expected, tree_of(server)), [], flavor)

    def test_without_a_stream(self):
        server = self.serving()[1]
        status, headers, body = self.snapshot(server, "?streaming=false")
        self.assertEqual((status, json.loads(body)), (200, {"command": "snapshot", "error": None}))
        self.assertIn("last_zxid", headers)
        path = os.path.join(server.data_dir, "version-2", "snapshot." + headers["last_zxid"][2:])
        self.assertEqual(os.path.getsize(path), int(headers["snapshot_size"]))

    def test_a_session_of_the_backup_goes_on(self):
        server = self.serving()[1]
        client = RawClient(server.client_port)
        self.addCleanup(client.__exit__)
        client.connect(30000)
        client.call(1, CREATE, create_body("/e", flags=1))
        data = self.snapshot(server)[2]
        self.filled(server, "/later", 5)
        self.assertEqual(self.restore(server, data)[0], 200)
        again = RawClient(server.client_port)
        self.addCleanup(again.__exit__)
        again.connect(30000, session=client.session, password=client.password)
        self.assertEqual(again.session, client.session)
        self.assertEqual(again.call(2, EXISTS, watch_body("/e"))[2], 0)

    def test_who_may_and_how_often(self):
        server = self.serving()[1]
        self.filled(server, "/a", 5)
        data = self.snapshot(server)[2]
        for authorization, error in ((None, "Auth info is missing for the command"), ("Basic bWU6", "Not authenticated")):
            for status, body in (self.snapshot(server, authorization=authorization)[::2], self.restore(server, data, authorization)):
                self.assertEqual(status, 401)
                self.assertEqual(body["error"] if isinstance(body, dict) else json.loads(body)["error"], error)
        with Connected(server.address, auth_data=[("digest", "me:secret")]) as client:
            client.set_acls("/", [make_digest_acl("me", "secret", all=True), make_acl("world", "anyone", read=True)])
        self.assertEqual(self.snapshot(server, authorization="digest me:wrong")[0], 403)
        self.assertEqual(self.restore(server, data, "ip")[0], 403)
        self.assertEqual(self.restore(server, data)[0], 200, "it gives everybody the root again")
        self.assertEqual(self.snapshot(server, authorization="ip")[0], 200)
        self.assertEqual(raw_request(server.admin_port, "/commands/restore", authorization=ME)[0], 405)
        limited = self.serving(**{"admin.rateLimiterIntervalInMS": 3600000})[1]
        self.assertEqual([self.snapshot(limited)[0] for _ in range(2)], [200, 429])
        told = limited.json("monitor")
        self.assertEqual((told["snapshot_rate_limited_count"], told["snapshot_error_count"]), (1, 0))
        off = self.serving(**{"admin.snapshot.enabled": "false", "admin.restore.enabled": "false"})[1]
        self.assertEqual((self.snapshot(off)[0], self.restore(off, data)[0]), (503, 503))

    def test_what_is_no_snapshot_changes_nothing(self):
        server = self.serving()[1]
        self.filled(server, "/a", 5)
        data = self.snapshot(server)[2]
        before = tree_of(server)
        for bad in (b"", b"x" * 100000, data[:-30], data + b"more", data[:200] + b"\xff" + data[201:]):
            status, body = self.restore(server, bad)
            self.assertEqual(status, 400, body)
            self.assertIn("nothing has changed", body["error"])
        told = server.json("monitor")
        self.assertEqual((told["restore_error_count"], told["cnt_restore_time"]), (5, 0))
        self.assertEqual(differences(before, tree_of(server)), [])

    def test_an_ensemble_is_restored_from_files(self):
        ensemble = self.serving([OURS, OURS, OURS])
        ensemble.wait_leader()
        self.filled(ensemble[1], "/kept")
        wait_until("all have applied it", lambda: len({re.search(r"Zxid: \S+", server.word("srvr")).group() for server in
                                                       ensemble.servers}) == 1)
        before = tree_of(ensemble[1])
        status, headers, data = self.snapshot(ensemble.followers()[0])
        self.assertEqual(status, 200)
        status, body = self.restore(ensemble[1], data)
        self.assertEqual(status, 409, body)
        self.assertIn("stop all servers", body["error"])
        self.filled(ensemble[2], "/later", 20)
        for server in ensemble.servers:
            server.stop()
        for server in ensemble.servers:
            directory = os.path.join(server.data_dir, "version-2")
            os.rename(directory, directory + ".old")
            os.mkdir(directory)
            with open(os.path.join(directory, "snapshot." + headers["last_zxid"][2:]), "wb") as f:
                f.write(data)
        ensemble.start()
        ensemble.wait_leader()
        self.assertEqual(differences(before, tree_of(ensemble[3])), [])
        self.filled(ensemble[1], "/new", 5)


if __name__ == "__main__":
    if not os.path.exists(SERVLETS):
        raise SystemExit("this test needs " + SERVLETS)
    unittest.main()
