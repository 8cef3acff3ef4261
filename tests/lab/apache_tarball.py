"""A release tarball of Apache's server in the layout of apache-zookeeper-X-bin.tar.gz, made from Debian's `zookeeper`
package and the jars that it names: no release itself is needed for the tests."""

import hashlib
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

JARS = Path("/usr/share/java")
SCRIPTS = Path("/usr/share/zookeeper/bin")
VERSION = "3.8.0"
# zkEnv.sh of Debian points to /etc/zookeeper; this one is of the documented contract: ZOOCFGDIR, ZOOCFG, JAVA_HOME, lib/*.
ENVIRONMENT = """#!/usr/bin/env bash
prefix=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ZOOCFGDIR=${ZOOCFGDIR:-$prefix/conf}
ZOOCFG=$ZOOCFGDIR/${ZOOCFG:-zoo.cfg}
JAVA=${JAVA_HOME:+$JAVA_HOME/bin/}java
CLASSPATH="$ZOOCFGDIR:$prefix/lib/*"
"""


def missing():
    """What is not installed; empty: nothing."""
    return [str(path) for path in (JARS / "zookeeper.jar", SCRIPTS / "zkServer.sh") if not path.exists()]


def jars():
    """zookeeper.jar, and those that its manifests name, and so on; the log4j that Debian's logs by."""
    todo = [JARS / name for name in ("zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar", "netty-codec.jar",
                                     "netty-resolver.jar", "netty-transport-native-unix-common.jar")]
    found = {}
    while todo:
        jar = todo.pop()
        if jar.name in found or not jar.exists():
            continue
        found[jar.name] = jar
        with zipfile.ZipFile(jar) as content:
            if "META-INF/MANIFEST.MF" not in content.namelist():
                continue
            manifest = content.read("META-INF/MANIFEST.MF").decode().replace("\r\n", "\n").replace("\n ", "")
        for line in manifest.splitlines():
            if line.startswith("Class-Path:"):
                todo += [JARS / Path(word).name for word in line.split()[1:]]
    return found


def make(directory, version=VERSION, note="", digest=True, with_jars=True):
    """Writes the tarball, and its .sha512; two with other notes are two releases. Without jars it has their names only."""
    top = f"apache-zookeeper-{version}-bin"
    path = Path(directory) / f"{top}.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        def add(name, content, mode=0o644):
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))

        for script in ("zkServer.sh", "zkCli.sh", "zkCleanup.sh"):
            add(f"bin/{script}", (SCRIPTS / script).read_bytes(), 0o755)
        add("bin/zkEnv.sh", ENVIRONMENT.encode(), 0o755)
        add("conf/zoo_sample.cfg", b"tickTime=2000\ndataDir=/var/lib/zookeeper\nclientPort=2181\n")
        add("README.md", f"Made for a test. {note}\n".encode())
        for name, jar in sorted(jars().items()):
            own = {"zookeeper.jar": f"zookeeper-{version}.jar", "zookeeper-jute.jar": f"zookeeper-jute-{version}.jar"}
            add(f"lib/{own.get(name, name)}", jar.read_bytes() if with_jars else b"no jar")
    if digest:
        text = hashlib.sha512(path.read_bytes()).hexdigest()
        Path(f"{path}.sha512").write_text(f"{text}  {path.name}\n", encoding="utf-8")
    return path


def java_home():
    """Of this machine's Java, which hosts of the lab borrow."""
    java = subprocess.run(["readlink", "-f", "/usr/bin/java"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(java).parents[1]
