#!/usr/bin/python3
"""The metrics of servers that run: names that dashboards use, and what a load, a synchronisation and a restart leave in them.
Beside Apache's, they are in admin_test."""
import os
import socket
import subprocess
import unittest

import admin_test
from raw_client import CLOSE_SESSION, CREATE, GET_DATA, RawClient, create_body, watch_body
from servers import OURS, wait_until


def is_dropped_within(port, seconds):
    """Whether the server ends a connection that says nothing so soon. A busy machine may be late once; without the setting
    it is always."""
    with socket.create_connection(("127.0.0.1", port)) as silent:
        silent.settimeout(seconds)
        try:
            return silent.recv(1) == b""
        except TimeoutError:
            return False


def kept_alive(port):
    """Whether each connection of clients that the server has at `port` has the timer of SO_KEEPALIVE, and no other now."""
    told = subprocess.run(["ss", "-Htno", "state", "established", "sport = :%d" % port], capture_output=True, text=True,
                          check=True).stdout.splitlines()
    return bool(told) and all("timer:(keepalive," in line for line in told)


class MeasuredEnsemble(unittest.TestCase):
    """Three servers of ours that tell Prometheus, and what 20 writes and reads at the leader leave."""

    @classmethod
    def setUpClass(cls):
        cls.ensemble = admin_test.AdminEnsemble([OURS] * 3)
        for server in cls.ensemble.servers:
            with open(os.path.join(server.folder, "zoo.cfg"), "a") as f:
                f.write("metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n"
                        "metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort=%d\n" % server.metrics_port)
        cls.addClassCleanup(cls.ensemble.__exit__, None, None, None)
        cls.ensemble.start()
        cls.leader = cls.ensemble.wait_leader()
        with RawClient(cls.leader.client_port) as client:
            client.connect()
            for i in range(20):
                client.call(i + 1, CREATE, create_body("/m%d" % i))
                client.call(100 + i, GET_DATA, watch_body("/m%d" % i))

    def page(self, server):
        status, headers, body = admin_test.request(server.metrics_port, "/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        values, types = {}, {}
        for line in body.splitlines():
            if line.startswith("# TYPE "):
                types[line.split()[2]] = line.split()[3]
            elif not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.assertNotIn(name, values)
                values[name] = float(value)
        return values, types


class Metrics(MeasuredEnsemble):
    def test_names_that_dashboards_and_alerts_use(self):
        values, types = self.page(self.leader)
        kinds = {
            "gauge": "znode_count approximate_data_size watch_count ephemerals_count num_alive_connections global_sessions "
                     "local_sessions outstanding_requests avg_latency max_latency min_latency packets_received packets_sent "
                     "open_file_descriptor_count max_file_descriptor_count connection_drop_probability quorum_size "
                     "synced_followers synced_observers synced_non_voting_followers learners pending_syncs leader_uptime "
                     "uptime outstanding_tls_handshake auth_failed_count last_proposal_size max_proposal_size "
                     "min_proposal_size last_client_response_size max_client_response_size min_client_response_size",
            "counter": "looking_count connection_drop_count connection_rejected connection_request_count "
                       "stale_sessions_expired sessionless_connections_expired bytes_received_count response_bytes "
                       "watch_bytes diff_count snap_count proposal_count commit_count request_throttle_wait_count "
                       "throttled_ops stale_requests stale_requests_dropped large_requests_rejected digest_mismatches_count "
                       "unrecoverable_error_count response_packet_cache_hits response_packet_cache_misses "
                       "outstanding_changes_queued outstanding_changes_removed dead_watchers_queued dead_watchers_cleared "
                       "unsuccessful_handshake tls_handshake_exceeded quit_leading_due_to_disloyal_voter "
                       "process_cpu_seconds_total",
            "summary": "election_time leader_unavailable_time unavailable_time fsynctime snapshottime dbinittime "
                       "startup_snap_load_time startup_txns_load_time startup_txns_loaded inflight_snap_count "
                       "inflight_diff_count readlatency updatelatency propagation_latency commit_propagation_latency "
                       "follower_sync_time observer_sync_time proposal_latency quorum_ack_latency "
                       "proposal_ack_creation_latency prep_processor_queue_time_ms prep_processor_queue_size "
                       "sync_processor_queue_time_ms sync_processor_queue_flush_time_ms "
                       "sync_processor_queue_and_flush_time_ms sync_processor_batch_size sync_processor_queue_size "
                       "read_commitproc_time_ms write_commitproc_time_ms pending_session_queue_size "
                       "request_throttle_queue_time_ms node_created_watch_count node_deleted_watch_count "
                       "node_changed_watch_count node_children_watch_count jvm_pause_time_ms"}
        for kind, names in kinds.items():
            for name in names.split():
                self.assertEqual(types.get(name), kind, name)
        for name in kinds["counter"].split()[:-1]:
            self.assertEqual(values[name], values[name + "_total"], name)

    def test_what_happened_is_counted(self):
        values, _ = self.page(self.leader)
        self.assertEqual(values["quorum_size"], 3)
        self.assertEqual(values["synced_followers"], 2)
        for name in ("proposal_count", "commit_count", "proposal_latency_count", "updatelatency_count", "readlatency_count"):
            self.assertGreaterEqual(values[name], 20, name)
        for name in ("looking_count", "election_time_count", "connection_request_count", "leader_unavailable_time_count",
                     "fsynctime_count", "dbinittime_count", "diff_count", "response_bytes", "bytes_received_count"):
            self.assertGreaterEqual(values[name], 1, name)
        follower, _ = self.page(self.ensemble.followers()[0])
        for name in ("learner_proposal_received_count", "learner_commit_received_count", "propagation_latency_count",
                     "commit_propagation_latency_count"):
            self.assertGreaterEqual(follower[name], 20, name)
        self.assertGreaterEqual(follower["follower_sync_time_count"], 1)
        self.assertEqual(follower["proposal_count"], 0)

    def test_only_metrics_are_there(self):
        self.assertEqual(admin_test.request(self.leader.metrics_port, "/")[0], 404)
        self.assertEqual(admin_test.request(self.leader.metrics_port, "/metrics", "POST")[0], 405)


class MetricsOfWhatEnds(MeasuredEnsemble):
    """Its cases end servers: what Metrics counts would begin anew."""

    def test_what_a_load_a_synchronisation_and_a_restart_leave(self):
        with RawClient(self.leader.client_port) as client:
            client.connect()
            client.call(1, CREATE, create_body("/left"))
            client.call(2, CLOSE_SESSION, b"")
        client = RawClient(self.leader.client_port)
        client.connect()
        client.close()  # not its session: that is what leaving the `with` does
        follower = self.ensemble.followers()[0]
        follower.stop()
        follower.start()
        self.ensemble.wait_leader()
        wait_until("it is back", lambda: follower.word("srvr") is not None and "Mode" in follower.word("srvr"))
        follower.stop()
        # As one does whose log had rotted: it takes all from the leader.
        open(os.path.join(follower.data_dir, "version-2", "needs_snapshot"), "w").close()
        follower.start()
        wait_until("it has got a snapshot", lambda: self.page(self.leader)[0]["snap_count"] >= 1)
        wait_until("it is back", lambda: follower.word("srvr") is not None and "Mode" in follower.word("srvr"))
        values, _ = self.page(self.leader)
        for name in ("startup_snap_load_time_count", "startup_txns_load_time_count", "startup_txns_loaded_count",
                     "inflight_diff_count_sum", "inflight_snap_count_sum", "connection_drop_count",
                     "proposal_ack_creation_latency_count", "request_throttle_queue_time_ms_count",
                     "sync_processor_batch_size_sum", "close_session_prep_time_count"):
            self.assertGreaterEqual(values[name], 1, name)
        for name in ("unrecoverable_error_count", "local_write_committed_time_ms_count"):
            self.assertEqual(values[name], 0, name)

    def test_what_was_loaded_is_counted(self):
        with admin_test.AdminEnsemble([OURS], standalone=True) as ensemble:
            ensemble.start()
            server = ensemble[1]
            wait_until("the admin server answers", lambda: admin_test.answers(server))
            with RawClient(server.client_port) as client:
                client.connect()
                for i in range(20):
                    client.call(i + 1, CREATE, create_body("/m%d" % i))
            server.stop()
            with open(os.path.join(server.folder, "zoo.cfg"), "a") as f:
                f.write("fsync.warningthresholdms=-1\nnio.sessionlessCnxnTimeout=1500\nclientTcpKeepAlive=true\n")
            server.start()
            wait_until("the admin server answers again", lambda: admin_test.answers(server))
            values = server.json("monitor")
            self.assertGreaterEqual(values["sum_startup_txns_loaded"], 20)
            self.assertEqual(values["cnt_startup_snap_load_time"], 1)
            with RawClient(server.client_port) as client:
                client.connect()
                client.call(1, CREATE, create_body("/slow"))
                # Which of a connection's timers is told is chance while something is under way; when all is said and
                # acknowledged, only this one is left.
                wait_until("the kernel asks whether the client is there", lambda: kept_alive(server.client_port))
            stats = server.json("server_stats")["server_stats"]
            self.assertGreaterEqual(stats["fsync_threshold_exceed_count"], 1, "each sync is longer than that")
            self.assertTrue(any(is_dropped_within(server.client_port, 8) for _ in range(3)), "10 s are the default")


if __name__ == "__main__":
    unittest.main()
