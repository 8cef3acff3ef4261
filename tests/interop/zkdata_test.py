#!/usr/bin/python3
"""zkdata beside Apache's own tools, on files that Apache's server and ours wrote; and what both servers make of files that
zkdata repaired, or that the other one compressed."""
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import unittest
import zlib

import servers
from data_directory_test import Filled
from servers import APACHE, OURS, Ensemble, effective
from trees import Connected, differences, tree_of

SNAPPY_JAR = "/usr/share/java/snappy-java.jar"
TXN_LINE = re.compile(r"session (0x[0-9a-f]+) cxid (0x[0-9a-f]+) zxid (0x[0-9a-f]+) (\w+)(?: (.*))?$")
PATIENCE_S = 120


def zkdata(*words):
    """(exit code, lines of standard output, standard error)"""
    program = os.path.join(os.path.dirname(servers.zkserver_path()), "zkdata")
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout.splitlines(), done.stderr


def objects(*words):
    code, lines, errors = zkdata(*words, "--json")
    assert code == 0, errors
    return [json.loads(line) for line in lines]


def apache_tool(name, *words):
    classes = ":".join(servers.JARS + [SNAPPY_JAR, "/etc/zookeeper/conf"])
    done = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", classes, "org.apache.zookeeper.server." + name, *words],
                          capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def apache_txns(log):
    """[session, cxid, zxid, type, path or None] of each."""
    found = []
    for line in apache_tool("persistence.TxnLogToolkit", "-d", log):
        match = TXN_LINE.search(line)
        if not match:
            continue
        session, cxid, zxid, name, rest = match.groups()
        # Records that its tool prints whole are quoted: 'path.
        path = (rest or "").split(",")[0].lstrip("'") if name not in ("createSession", "closeSession", "error", "multi") else None
        found.append([session, int(cxid, 16), zxid, name, path])
    return found


def our_txns(log):
    return [[txn["session"], txn["cxid"], txn["zxid"], txn["type"], txn.get("path")]
            for txn in objects("dump", log) if txn["kind"] == "txn"]


def apache_nodes(snapshot):
    """path: its numbers, and {session: (timeout, ephemerals)}"""
    nodes, sessions, path = {}, {}, None
    lines = iter(apache_tool("SnapshotFormatter", snapshot))
    for line in lines:
        if line == "----":
            path = next(lines)
            if path.startswith("/"):  # else what follows are sessions
                nodes[path] = {}
        elif path and line.startswith("  ") and " = " in line:
            name, value = line.strip().split(" = ", 1)
            nodes[path][name] = value
        elif re.match(r"0x[0-9a-f]+, \d+, \d+$", line):
            session, timeout, ephemerals = line.split(", ")
            sessions[session] = (int(timeout), int(ephemerals))
    zxids = ("cZxid", "mZxid", "pZxid", "ephemeralOwner")
    numbers = ("cversion", "dataVersion", "aclVersion", "dataLength")
    return ({path: [int(node[name], 16) for name in zxids] + [int(node[name]) for name in numbers]
             for path, node in nodes.items()}, sessions)


def our_nodes(snapshot):
    nodes, sessions = {}, {}
    for one in objects("dump", snapshot):
        if one["kind"] == "node":
            nodes[one["path"]] = ([int(one[name], 16) for name in ("czxid", "mzxid", "pzxid", "ephemeralOwner")] +
                                  [one["cversion"], one["version"], one["aversion"], one["bytes"]])
        elif one["kind"] == "session":
            sessions[one["session"]] = (one["timeout"], one["ephemerals"])
    return nodes, sessions


def read_log(path):
    """Its header, and the bytes of each record."""
    with open(path, "rb") as file:
        content = file.read()
    records, at = [], 16
    while at + 12 <= len(content) and any(content[at:at + 12]):
        checksum, length = struct.unpack(">qi", content[at:at + 12])
        end = at + 12 + length + 1
        payload = content[at + 12:end - 1]
        assert zlib.adler32(payload) == checksum and content[end - 1:end] == b"B", (path, at)
        records.append(content[at:end])
        at = end
    return content[:16], records


def write_log(path, header, records, behind=b""):
    """With the zeros that a server has at the end."""
    content = header + b"".join(records) + behind
    with open(path, "wb") as file:
        file.write(content + bytes(-len(content) % 65536))


class Zkdata(Filled):
    def written_by(self, flavor, **settings):
        """An Ensemble of one, filled and stopped without warning."""
        ensemble = Ensemble([flavor], standalone=True, **settings)
        self.addCleanup(ensemble.__exit__, None, None, None)
        ensemble.start()
        self.fill(ensemble[1], "/one")
        self.fill(ensemble[1], "/two")
        return ensemble

    def files(self, server, kind):
        return sorted(glob.glob(server.data_dir + "/version-2/" + kind + ".*"))

    def test_dump_says_what_apaches_tools_say(self):
        for flavor in (APACHE, OURS):
            with self.subTest(flavor):
                server = self.written_by(flavor, snapCount=300)[1]
                server.kill()
                logs, snapshots = self.files(server, "log"), self.files(server, "snapshot")
                self.assertGreaterEqual(len(logs), 2)
                self.assertGreaterEqual(len(snapshots), 2)
                count = 0
                for log in logs:
                    ours = our_txns(log)
                    self.assertEqual(ours, apache_txns(log), log)
                    count += len(ours)
                self.assertGreater(count, 900)
                for snapshot in snapshots:
                    self.assertEqual(our_nodes(snapshot), apache_nodes(snapshot), snapshot)

    def test_whole_directories_are_called_whole(self):
        for flavor in (APACHE, OURS):
            with self.subTest(flavor):
                server = self.written_by(flavor, snapCount=300)[1]
                # Also while the server runs.
                code, lines, errors = zkdata("check", server.data_dir)
                self.assertEqual(code, 0, lines + [errors])
                server.kill()
                code, lines, errors = zkdata("check", server.data_dir)
                self.assertEqual(code, 0, lines + [errors])
                self.assertEqual([line for line in lines if line.startswith("error:")], [])
                self.assertEqual(lines[-1], server.data_dir + ": whole")
                copy = server.folder + "/copy"
                shutil.copytree(server.data_dir, copy)
                code, lines, _ = zkdata("compare", server.data_dir, copy)
                self.assertEqual((code, lines[-1]), (0, "no difference"))
                summary = objects("summary", server.data_dir)[0]
                self.assertGreater(summary["nodes"], 500)
                self.assertIn("/one", [one["path"] for one in summary["largestSubtrees"]])

    def test_a_tree_is_told_as_the_server_told_it(self):
        server = self.written_by(OURS, snapCount=300)[1]
        told = tree_of(server)
        server.kill()
        paths = {one["path"] for one in objects("dump", server.data_dir) if one["kind"] == "node"}
        self.assertTrue(set(told) <= paths, set(told) - paths)

    def test_a_torn_end_is_repaired_when_no_server_runs(self):
        for flavor in (APACHE, OURS):
            with self.subTest(flavor):
                server = self.written_by(flavor)[1]
                before = tree_of(server)
                code, _, errors = zkdata("repair", server.data_dir)
                self.assertEqual(code, 3)
                self.assertIn("use", errors)
                server.kill()
                log = self.files(server, "log")[-1]
                txns = our_txns(log)
                torn = objects("dump", log)[-1]["offset"]
                with open(log, "r+b") as file:
                    # The end byte is there and a sector before it is not: Apache's server does not start.
                    whole = file.read()
                    end = whole.rstrip(b"\0")
                    file.seek(len(end))
                    record = bytes(8) + (3000).to_bytes(4, "big") + bytes(3000) + b"B"
                    file.write(b"\0\0\0\0\1\2\3\4" + record[8:])
                code, lines, errors = zkdata("check", log)
                self.assertEqual(code, 0, errors)
                self.assertTrue(any("torn" in line for line in lines), lines)
                code, lines, errors = zkdata("repair", "--dry-run", server.data_dir)
                self.assertEqual(code, 0, errors)
                self.assertTrue(lines[0].startswith("would repair: "), lines)
                code, lines, errors = zkdata("repair", server.data_dir)
                self.assertEqual(code, 0, errors)
                self.assertIn("backup." + os.path.basename(log), lines[0])
                self.assertEqual(our_txns(log), txns)
                self.assertGreater(torn, 0)
                for next_flavor in (APACHE, OURS):
                    server.flavor = effective(next_flavor)
                    server.write_config([], {})
                    server.start()
                    server.wait_serving()
                    # What was ephemeral has its session still, or not: the rest counts.
                    found = [line for line in differences(before, tree_of(server)) if "/gone" not in str(line)]
                    self.assertEqual(found, [])
                    server.kill()

    def trees_of_copies(self, server, flavors):
        """What servers of `flavors` make of the directory, each of a copy of its own; it stays as it is."""
        whole, trees = server.data_dir + ".whole", []
        shutil.copytree(server.data_dir, whole)
        for flavor in flavors:
            server.flavor = effective(flavor)
            server.write_config([], {})
            server.start()
            try:
                server.wait_serving()
                trees.append(tree_of(server))
            finally:
                server.kill()
                shutil.rmtree(server.data_dir)
                shutil.copytree(whole, server.data_dir)
        shutil.rmtree(whole)
        return trees

    def test_a_block_that_stands_there_twice_counts_once(self):
        """A log as a follower of Apache's 3.8.0 may leave it: some records, and then the same again."""
        server = self.written_by(APACHE)[1]
        before = tree_of(server)
        server.kill()
        log = self.files(server, "log")[-1]
        header, records = read_log(log)
        self.assertGreater(len(records), 900)
        # Creations, changes and deletions are among them; one record; nearly all.
        for first, last in ((250, 470), (700, 701), (1, len(records))):
            with self.subTest("records %d to %d" % (first, last)):
                block = records[first:last]
                kept = records[:last] + block + records[last:]
                write_log(log, header, kept)
                apaches, ours = self.trees_of_copies(server, (APACHE, OURS))
                self.assertEqual(differences(apaches, ours), [])
                self.assertEqual(differences(before, ours), [])
                self.assertEqual(our_txns(log), apache_txns(log))
                self.check_repeats(server, log, kept, block)
        # Where a crash cut the second copy short nothing follows it, and nothing is missing.
        block = records[600:]
        write_log(log, header, records + block[:-1], block[-1][:-1])
        self.assertEqual(differences(before, self.trees_of_copies(server, (OURS,))[0]), [])
        self.check_repeats(server, log, records + block[:-1], block[:-1])
        # Without one record in it, it is no copy.
        write_log(log, header, records + block[:10] + block[11:])
        code, lines, _ = zkdata("check", server.data_dir)
        self.assertEqual(code, 1, lines)
        self.assertTrue(any("the order is broken" in line for line in lines), lines)

    def check_repeats(self, server, log, kept, block):
        told = objects("dump", log)
        again = [txn["zxid"] for txn in told if txn.get("again")]
        self.assertEqual((len(told), len(again)), (len(kept), len(block)))
        summary = objects("summary", log)[0]
        self.assertEqual((summary["txns"], summary["again"]), (len(kept) - len(block), len(block)))
        code, lines, errors = zkdata("check", server.data_dir)
        self.assertEqual(code, 0, lines + [errors])
        words = "transactions %s to %s stand there again" % (again[0], again[-1])
        self.assertTrue(any(line.startswith("note:") and words in line for line in lines), lines)

    def test_logs_and_snapshots_by_volume(self):
        """snapSizeLimitInKb and txnLogSizeLimitInKb do in both servers what they say: here no count of transactions does."""
        for flavor in (APACHE, OURS):
            with self.subTest(flavor):
                server = self.written_by(flavor, snapSizeLimitInKb=60, preAllocSize=4)[1]
                server.stop()
                self.assertGreater(len(self.files(server, "snapshot")), 1)
                self.assertGreater(len(self.files(server, "log")), 1)
                code, lines, errors = zkdata("check", server.data_dir)
                self.assertEqual(code, 0, lines + [errors])
                server = self.written_by(flavor, txnLogSizeLimitInKb=20, preAllocSize=4)[1]
                # Both look at the size once for every write to the disk, and however many transactions waited for the disk
                # go into one: only what comes one by one tells the limit.
                before = set(self.files(server, "log"))
                with Connected(server.address) as client:
                    client.create("/slowly", b"")
                    for _ in range(100):
                        client.set("/slowly", b"v" * 1000)
                server.stop()
                self.assertEqual(len(self.files(server, "snapshot")), 1)
                after = set(self.files(server, "log"))
                self.assertGreater(len(after - before), 3)
                self.assertLess(max(os.path.getsize(log) for log in after - before), 32 * 1024)
                code, lines, errors = zkdata("check", server.data_dir)
                self.assertEqual(code, 0, lines + [errors])

    def test_compressed_snapshots_of_both(self):
        """What Apache's server compresses is read here, and the other way round."""
        if not os.path.exists(SNAPPY_JAR):
            self.skipTest("no " + SNAPPY_JAR)
        jars = servers.JARS
        servers.JARS = jars + [SNAPPY_JAR]
        self.addCleanup(setattr, servers, "JARS", jars)
        for method in ("gz", "snappy"):
            for first, second in ((APACHE, OURS), (OURS, APACHE)):
                with self.subTest("%s by %s" % (method, first)):
                    settings = {"snapCount": 300, "snapshot.compression.method": method}
                    server = self.written_by(first, **settings)[1]
                    before = tree_of(server)
                    server.stop()
                    packed = self.files(server, "snapshot")
                    self.assertTrue(packed[-1].endswith("." + method), packed)
                    for snapshot in packed:
                        self.assertEqual(our_nodes(snapshot), apache_nodes(snapshot), snapshot)
                    code, lines, errors = zkdata("check", server.data_dir)
                    self.assertEqual(code, 0, lines + [errors])
                    # Nothing but the compressed one, and what came behind it, may help the other server.
                    for snapshot in packed[:-1]:
                        os.remove(snapshot)
                    server.flavor = effective(second)
                    server.write_config([], settings)
                    server.start()
                    server.wait_serving()
                    self.assertEqual(differences(before, tree_of(server)), [])
                    server.kill()


if __name__ == "__main__":
    unittest.main()
