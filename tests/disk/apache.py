#!/usr/bin/python3
"""Drives Apache ZooKeeper's own server, standalone on loopback, for apache_test.cc.

apache.py write DIR   starts it on DIR, makes nodes of every kind, prints the tree, kills it without warning
apache.py read DIR    starts it on DIR, prints the tree, kills it

The tree is printed a node a line: path, hex data or "-", stat, ACL. Exit code 77: no server or client installed.
"""
import os
import shutil
import socket
import subprocess
import sys
import time

JAR = "/usr/share/java/zookeeper.jar"


def skip(why):
    print(f"skipped: {why}", file=sys.stderr)
    sys.exit(77)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, directory):
        self.port = free_port()
        config = os.path.join(directory, "zoo.cfg")
        with open(config, "w") as out:
            out.write(f"dataDir={directory}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
                      "tickTime=500\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n")
        self.log = open(os.path.join(directory, "java.log"), "a")
        command = [shutil.which("java"), "-Dzookeeper.preAllocSize=64", "-Dzookeeper.snapCount=40",
                   "-Dzookeeper.extendedTypesEnabled=true", "-Dzookeeper.admin.enableServer=false",
                   "-cp", f"/etc/zookeeper/conf:{JAR}", "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def client(self):
        from kazoo.client import KazooClient
        deadline = time.time() + 60
        while time.time() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"server ended with {self.process.returncode}, see java.log")
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    probe.sendall(b"srvr")
                    if b"Mode:" in probe.recv(1000):
                        break
            except OSError:
                pass
            time.sleep(0.1)
        client = KazooClient(f"127.0.0.1:{self.port}", timeout=20)
        client.start(60)
        return client

    def kill(self):
        self.process.kill()
        self.process.wait()


def print_tree(client):
    def visit(path):
        data, stat = client.get(path)
        acls, _ = client.get_acls(path)
        numbers = [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime, stat.version, stat.cversion,
                   stat.aversion, stat.ephemeralOwner]
        acl = ",".join(f"{a.perms}:{a.id.scheme}:{a.id.id}" for a in acls)
        shown = data.hex() if data else "-"
        print(path, shown, " ".join(map(str, numbers)), acl)
        for child in client.get_children(path):
            visit(path.rstrip("/") + "/" + child)
    visit("/")


def write_everything(client):
    from kazoo.security import make_acl, make_digest_acl
    client.add_auth("digest", "u:p")
    client.create("/plain", b"one")
    client.create("/plain/null", None)
    client.create("/plain/empty", b"")
    client.create("/plain/acl", b"x", acl=[make_acl("world", "anyone", read=True), make_digest_acl("u", "p", all=True)])
    client.create("/ephemeral", b"e", ephemeral=True)
    for _ in range(3):
        client.create("/plain/seq-", b"s", sequence=True)
    for i in range(30):
        client.set("/plain", b"version %d" % i)
    client.set_acls("/plain/empty", [make_acl("ip", "127.0.0.0/8", read=True, write=True)])
    transaction = client.transaction()
    transaction.create("/multi", b"m")
    transaction.set_data("/plain", b"from multi")
    transaction.delete("/plain/null")
    transaction.commit()
    failing = client.transaction()
    failing.create("/never", b"")
    failing.check("/plain", 9999)
    failing.commit()
    try:
        client.create("/plain", b"")
    except Exception:
        pass
    for i in range(60):
        client.create("/many%d" % i, bytes([i]) * i * 50)
    for i in range(0, 60, 3):
        client.delete("/many%d" % i)
    client.create("/ünïcode/käse", b"\xff\x00", makepath=True)


def main():
    command, directory = sys.argv[1], sys.argv[2]
    if shutil.which("java") is None or not os.path.exists(JAR):
        skip("Apache ZooKeeper's server (packages zookeeper and default-jre-headless) is not installed")
    try:
        import kazoo  # noqa: F401
    except ImportError:
        skip("python3-kazoo is not installed")
    server = Server(directory)
    try:
        client = server.client()
        if command == "write":
            write_everything(client)
        print_tree(client)
    finally:
        server.kill()
    return 0


sys.exit(main())
