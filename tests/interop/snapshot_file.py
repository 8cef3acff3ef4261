"""A snapshot file as both servers write them, without the sections that may be missing: for servers that begin with many nodes."""
import struct
import zlib

from raw_client import OPEN_ACL, acl_list, string

MADE_MS = 1700000000000  # when all nodes were made, by zxid 1


def write_snapshot(path, nodes):
    """`nodes`: (path, data, number of children) of each, parents first, without the root and what all trees have."""
    checksum = 1
    with open(path, "wb") as file:
        pending = [struct.pack(">iiqi", 0x5A4B534E, 2, -1, 0), struct.pack(">iq", 1, 1) + acl_list(OPEN_ACL)]

        def flush():
            nonlocal checksum
            block = b"".join(pending)
            pending.clear()
            checksum = zlib.adler32(block, checksum)
            file.write(block)

        def node(name, content, children):
            stat = struct.pack(">qqqqiiiqq", 1, 1, MADE_MS, MADE_MS, 0, children, 0, 0, 1)
            pending.append(string(name) + string(content) + struct.pack(">q", 1) + stat)

        node("", b"", 0)
        for built_in in ("/zookeeper", "/zookeeper/quota", "/zookeeper/config"):
            node(built_in, b"", 0)
        for one in nodes:
            node(*one)
            if len(pending) > 5000:
                flush()
        pending.append(string("/"))
        flush()
        file.write(struct.pack(">q", checksum) + string("/"))
