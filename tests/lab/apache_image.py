"""An image of the official one's contract: Apache's server of Debian's `zookeeper` package with this machine's Java, a small
shell, and an entry point that takes ZOO_MY_ID and a mounted /conf/zoo.cfg as the documented one does. No registry is asked."""

import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

import apache_tarball
from engine import docker_program

# Of a Java machine without a screen.
NATIVE = ("extnet", "java", "jimage", "jli", "management", "management_ext", "net", "nio", "verify", "zip")
# What the official entry point does that matters where a zoo.cfg is mounted: it leaves that alone, and writes myid if there
# is none. The server's JVM takes SERVER_JVMFLAGS, as zkServer.sh has it.
ENTRY = """#!/bin/sh
set -e
[ -f /conf/zoo.cfg ] || { echo "no /conf/zoo.cfg" >&2; exit 1; }
[ -f /data/myid ] || echo "${ZOO_MY_ID:-1}" > /data/myid
exec JAVA $SERVER_JVMFLAGS -cp "/conf:/apache/lib/*" org.apache.zookeeper.server.quorum.QuorumPeerMain /conf/zoo.cfg
"""


def missing():
    return apache_tarball.missing() + [name for name in ("/usr/bin/java", "/bin/sh") if not Path(name).exists()]


def _libraries(programs):
    """Files that the loader needs for them, by their names in the loader's words."""
    found = set()
    for program in programs:
        said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        found |= {os.path.normpath(path) for path in re.findall(r"(/\S+) \(0x", said)}
    return found


def _add_tree(tar, top):
    """With links followed: what Debian keeps in /etc is in its place. What leads nowhere belongs to packages that are not
    there, and class data of other collectors are large."""
    for directory, inside, names in os.walk(top, followlinks=True):
        inside[:] = [name for name in inside if name != "jmods"]  # for compilers
        for name in names:
            path = os.path.join(directory, name)
            if os.path.exists(path) and not name.endswith(".jsa"):
                tar.add(path, arcname=path)


def build(engine, name):
    java = apache_tarball.java_home()
    objects = [java / "bin/java", Path("/bin/sh"), java / "lib/server/libjvm.so",
               *(java / f"lib/lib{name}.so" for name in NATIVE)]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "root.tar"
        with tarfile.open(path, "w", dereference=True) as tar:
            # The machine's own come with its directory.
            for library in sorted(path for path in _libraries(objects) if not path.startswith(str(java))):
                tar.add(library, arcname=library)
            tar.add("/bin/sh", arcname="bin/sh")
            _add_tree(tar, java)
            for jar_name, jar in apache_tarball.jars().items():
                tar.add(jar, arcname=f"apache/lib/{jar_name}")
            entry_point = Path(place) / "entry.sh"
            entry_point.write_text(ENTRY.replace("JAVA", str(java / "bin/java")), encoding="utf-8")
            entry_point.chmod(0o755)
            tar.add(entry_point, arcname="bin/entry.sh")
            for directory in ("data", "datalog", "logs", "conf", "tmp"):
                entry = tarfile.TarInfo(directory)
                entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o1777, 1000, 1000
                tar.addfile(entry)
        subprocess.run([docker_program(), "import", "-c", 'ENTRYPOINT ["/bin/entry.sh"]', "-c", "VOLUME /data /datalog /logs",
                        str(path), name], check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", **engine.environment})
