#!/usr/bin/env python3
"""zkserver-entry in roots that look like its image's: what it writes, whom it becomes, what it refuses, with no engine.

    ZKSERVER_ENTRY=build/asan/bin/zkserver-entry ZKSERVER=build/asan/bin/zkserver tests/image/entry_test.py

Each root has a mount and a network namespace of its own, which needs root: without it the cases are skipped, and say so. The
same image under Docker: tests/lab/container_test.py.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ENTRY = Path(os.environ["ZKSERVER_ENTRY"]).resolve()
SERVER = Path(os.environ["ZKSERVER"]).resolve()
PATIENCE_S = 60
VOLUMES = ("data", "datalog", "logs")
HEADER = "# Written by zkserver-entry"
THREE = "server.1=127.0.0.1:2888:3888;2181 server.2=127.0.0.2:2888:3888;2181 server.3=127.0.0.3:2888:3888;2181"

# Programs that are not static find their libraries in /usr and /lib.
ENTER = """set -e
ip link set lo up
mount --bind "$ROOT" "$ROOT"
for dir in usr lib lib64 bin proc dev; do
    if [ -d "/$dir" ] && [ ! -L "/$dir" ]; then mkdir -p "$ROOT/$dir"; mount --rbind "/$dir" "$ROOT/$dir"; fi
done
for volume in $MOUNTED; do mount --bind "$VOLUMES/$volume" "$ROOT/$volume"; done
if [ -n "$FILE" ]; then mount --bind "$FILE" "$ROOT/conf/zoo.cfg"; fi
if [ -n "$READ_ONLY" ]; then mount -o remount,bind,ro "$ROOT"; fi
exec $SETPRIV chroot $CHROOT_USER "$ROOT" /usr/bin/env -i PATH=/image:/usr/bin:/bin "$@"
"""


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Entry(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="zkserver-entry-")
        self.root = Path(self.place.name) / "root"
        self.volumes = Path(self.place.name) / "volumes"
        os.chmod(self.place.name, 0o755)
        for name in ("image", "conf", *VOLUMES):
            (self.root / name).mkdir(parents=True)
        for name in VOLUMES:
            (self.volumes / name).mkdir(parents=True)
        for name in ("lib", "lib64", "bin"):
            if os.path.islink("/" + name):
                (self.root / name).symlink_to(os.readlink("/" + name))
        os.chown(self.root / "conf", 1000, 1000)
        for program in (ENTRY, SERVER):
            shutil.copy2(program, self.root / "image")
        (self.root / "image/zkServer.sh").symlink_to("zkserver-entry")
        self.process = None

    def tearDown(self):
        if self.process is not None:
            self.process.kill()
            self.close()
        self.place.cleanup()

    def start(self, *words, env=None, mounted=VOLUMES, file=None, user=None, setpriv="", read_only=False):
        """The entry point with these words, in place of the process that is started."""
        settings = dict(os.environ, ROOT=str(self.root), VOLUMES=str(self.volumes), MOUNTED=" ".join(mounted),
                        FILE=str(file or ""), CHROOT_USER=f"--userspec={user}" if user else "", SETPRIV=setpriv,
                        READ_ONLY="1" if read_only else "")
        variables = [f"{name}={value}" for name, value in (env or {}).items()]
        return subprocess.Popen(["unshare", "--mount", "--net", "bash", "-c", ENTER, "enter", *variables,
                                 "/image/zkserver-entry", *words],
                                env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def ends(self, *words, **how):
        process = self.start(*words, **how)
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
        return process.returncode, out, err

    def refused(self, *expected, code=2, **how):
        """Nothing is served, and nothing written."""
        before = self.tree()
        ended, _, err = self.ends(**how)
        self.assertEqual(ended, code, err)
        for words in expected:
            self.assertIn(words, err)
        self.assertEqual(self.tree(), before)

    def serves(self, **how):
        """Starts and waits until the server says so; its pid is that of the entry point."""
        self.process = self.start(**how)
        said = ""
        for line in self.process.stderr:
            said += line
            if "server.started" in line:
                return said
        self.fail(said)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(PATIENCE_S), 0, self.process.stderr.read())
        self.close()

    def close(self):
        """Each start has its own."""
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def inside(self, *words):
        result = subprocess.run(["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--root", "--wd=/",
                                 "/usr/bin/env", "-i", "PATH=/image", *words],
                                capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return result.returncode, result.stdout, result.stderr

    def tree(self):
        found = {}
        for top in (self.volumes, self.root / "conf"):
            for path in [top, *sorted(top.rglob("*"))]:
                status = path.lstat()
                found[str(path.relative_to(self.place.name))] = (status.st_uid, status.st_gid, status.st_mode)
        return found

    def owner(self, path):
        status = (self.volumes / path).lstat()
        return status.st_uid, status.st_gid

    def test_root_gives_the_volumes_away_and_becomes_zookeeper(self):
        (self.volumes / "data/version-2").mkdir()
        (self.volumes / "data/version-2/acceptedEpoch.old").write_text("1", encoding="utf-8")
        (self.volumes / "data/elsewhere").symlink_to("/conf")
        said = self.serves(env={"ZOO_CFG_EXTRA": "snapCount=5000", "JVMFLAGS": "-Xmx1g -Dzookeeper.preAllocSize=64"})
        self.assertIn("zkserver-entry: warning: JVMFLAGS: -Xmx1g: for the Java machine", said)
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        self.assertIn("Uid:\t1000\t1000\t1000\t1000", status)
        self.assertIn("Gid:\t1000\t1000\t1000\t1000", status)
        self.assertIn("Groups:\t1000 \n", status)
        self.assertTrue(os.path.basename(os.readlink(f"/proc/{self.process.pid}/exe")).startswith("zkserver"))
        words = Path(f"/proc/{self.process.pid}/cmdline").read_bytes().split(b"\0")
        self.assertEqual(words[:3], [b"zkserver", b"--property=preAllocSize=64", b"/conf/zoo.cfg"])
        for path in ("data", "datalog", "logs", "data/myid", "data/version-2/acceptedEpoch.old", "data/elsewhere"):
            self.assertEqual(self.owner(path), (1000, 1000), path)
        self.assertEqual((self.volumes / "data/myid").read_text(encoding="utf-8"), "1\n")
        config = (self.root / "conf/zoo.cfg").read_text(encoding="utf-8")
        self.assertTrue(config.startswith(HEADER))
        self.assertIn("\nsnapCount=5000\n", config)
        code, out, err = self.inside("zkServer.sh", "status")
        self.assertEqual((code, out), (0, "Client port found: 2181. Client address: localhost. Client SSL: false.\n"
                                       "Mode: standalone\n"), err)
        self.assertEqual(err, "Using config: /conf/zoo.cfg\n")
        self.assertEqual(self.inside("zkServer.sh", "health")[:2], (0, "Mode: standalone\n"))
        self.stop()
        # The next start finds all as it should be.
        code, out, err = self.ends("zkServer.sh", "status")
        self.assertEqual(code, 1)
        self.assertTrue(out.endswith("Error contacting service. It is probably not running.\n"), out)

    def test_another_user_writes_what_it_may(self):
        self.refused("/data", "cannot be written", user="1000:1000")
        for name in VOLUMES:
            os.chown(self.volumes / name, 1000, 1000)
        self.serves(user="1000:1000")
        self.assertEqual(self.owner("data/myid"), (1000, 1000))
        self.stop()

    def test_root_without_rights_says_which(self):
        code, _, err = self.ends(setpriv="setpriv --bounding-set=-setuid,-setgid --inh-caps=-setuid,-setgid --")
        self.assertEqual(code, 2)
        self.assertIn("leave the container the capabilities SETUID, SETGID and CHOWN", err)

    def test_a_file_that_is_mounted_counts(self):
        own = Path(self.place.name) / "zoo.cfg"
        own.write_text("dataDir=/data\ndataLogDir=/logs\nclientPort=2181\n", encoding="utf-8")
        (self.root / "conf/zoo.cfg").touch()
        self.refused("ZOO_TICK_TIME wants tickTime=7; the file does not say tickTime", file=own, env={"ZOO_TICK_TIME": "7"})
        self.serves(file=own)
        self.assertEqual(own.read_text(encoding="utf-8"), "dataDir=/data\ndataLogDir=/logs\nclientPort=2181\n")
        self.assertTrue((self.volumes / "logs/version-2").is_dir())
        self.assertEqual(self.inside("zkServer.sh", "health")[0], 0)
        self.stop()

    def test_variables_count_at_each_start(self):
        for tick in ("500", "700"):
            self.serves(env={"ZOO_TICK_TIME": tick})
            self.assertIn(f"tickTime={tick}\n", (self.root / "conf/zoo.cfg").read_text(encoding="utf-8"))
            self.stop()

    def test_what_would_lose_data_is_refused(self):
        self.refused("dataDir=/data is in no volume", mounted=("datalog", "logs"))
        self.refused("dataLogDir=/datalog is in no volume", mounted=("data", "logs"))
        (self.volumes / "data/myid").write_text("2\n", encoding="utf-8")
        self.refused("ZOO_MY_ID is 1, but the volume at /data is that of server 2",
                     env={"ZOO_MY_ID": "1", "ZOO_SERVERS": THREE})

    def test_what_would_surprise_is_refused(self):
        self.refused("ZOO_MY_ID is not set", "ZOO_SERVERS has 3 servers", env={"ZOO_SERVERS": THREE})
        self.refused("ZOO_SERVERS has no server.4", env={"ZOO_SERVERS": THREE, "ZOO_MY_ID": "4"})
        self.refused("ZOO_TICK_TIME: tickTime=soon", env={"ZOO_TICK_TIME": "soon"})
        self.refused("server.1 has no port for clients", env={"ZOO_SERVERS": "server.1=a:2888:3888"})
        self.refused("which wins", env={"JVMFLAGS": "-Dzookeeper.admin.enableServer=false"})

    def test_a_root_that_is_read_only(self):
        self.refused("cannot be written", "mount a zoo.cfg there", read_only=True)

    def test_a_member_that_is_alone_is_not_healthy(self):
        self.serves(env={"ZOO_SERVERS": THREE, "ZOO_MY_ID": "2"})
        code, out, _ = self.inside("zkServer.sh", "health")
        self.assertEqual((code, out), (1, "It serves nobody: there is no leader, or it has not caught up yet.\n"))
        code, out, _ = self.inside("zkServer.sh", "status")
        self.assertEqual((code, out), (1, "Client port found: 2181. Client address: localhost. Client SSL: false.\n"
                                       "Error contacting service. It is probably not running.\n"))
        self.stop()

    def test_other_words(self):
        self.assertEqual(self.ends("zkserver", "--version")[:2][0], 0)
        code, out, _ = self.ends("zkServer.sh", "version")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("zkserver "), out)
        code, out, _ = self.ends("zkServer.sh", "print-cmd", env={"ZOO_LOG4J_PROP": "DEBUG,CONSOLE"})
        self.assertEqual((code, out), (0, '"zkserver" "--log-level" "debug" "/conf/zoo.cfg"\n'))
        code, out, err = self.ends("zkServer.sh", "restart")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("docker restart NAME", err)
        code, _, err = self.ends("zkServer.sh", "statsu")
        self.assertEqual(code, 2)
        self.assertTrue(err.startswith("Usage: zkServer.sh"), err)
        self.assertEqual(self.ends("zkServer.sh")[0], 0)
        code, _, err = self.ends("no-such-program")
        self.assertEqual(code, 127)
        self.assertIn("this image has zkServer.sh", err)
        code, _, err = self.ends("zkServer.sh", "start-foreground", "other.cfg")
        self.assertEqual(code, 2)
        self.assertIn("/conf/other.cfg is not there", err)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIPPED: zkserver-entry in roots of its own needs root", file=sys.stderr)
    unittest.main()
