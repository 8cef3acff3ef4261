"""A client made of bytes: for what no stock client would say, and for comparing answers byte by byte."""
import socket
import struct

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN, SYNC = range(1, 10)
PING, GET_CHILDREN2, CHECK, MULTI, CREATE2, RECONFIG = 11, 12, 13, 14, 15, 16
CHECK_WATCHES, REMOVE_WATCHES, CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL, MULTI_READ = range(17, 23)
AUTH, SET_WATCHES, SASL, CLOSE_SESSION = 100, 101, 102, -11
GET_EPHEMERALS, GET_ALL_CHILDREN_NUMBER, SET_WATCHES2, ADD_WATCH, WHO_AM_I = range(103, 108)
OPEN_ACL = [(31, "world", "anyone")]


def string(text):
    if text is None:
        return struct.pack(">i", -1)
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">i", len(raw)) + raw


def vector(items, encode):
    if items is None:
        return struct.pack(">i", -1)
    return struct.pack(">i", len(items)) + b"".join(encode(item) for item in items)


def acl_list(acl):
    return vector(acl, lambda a: struct.pack(">i", a[0]) + string(a[1]) + string(a[2]))


def create_body(path, data=b"", acl=OPEN_ACL, flags=0):
    return string(path) + string(data) + acl_list(acl) + struct.pack(">i", flags)


def version_body(path, version=-1):
    return string(path) + struct.pack(">i", version)


def set_data_body(path, data=b"", version=-1):
    return string(path) + string(data) + struct.pack(">i", version)


def set_acl_body(path, acl, version=-1):
    return string(path) + acl_list(acl) + struct.pack(">i", version)


def watch_body(path, watch=False):
    return string(path) + struct.pack(">?", watch)


def auth_body(scheme, credential):
    return struct.pack(">i", 0) + string(scheme) + string(credential)


def multi_body(*parts):
    return (b"".join(struct.pack(">i?i", kind, False, -1) + body for kind, body in parts) +
            struct.pack(">i?i", -1, True, -1))


def set_watches_body(zxid, data=(), exist=(), child=()):
    return struct.pack(">q", zxid) + vector(data, string) + vector(exist, string) + vector(child, string)


def set_watches2_body(zxid, data=(), exist=(), child=(), persistent=(), recursive=()):
    return set_watches_body(zxid, data, exist, child) + vector(persistent, string) + vector(recursive, string)


def ttl_body(path, ttl, data=b"", acl=OPEN_ACL, flags=5):
    return create_body(path, data, acl, flags) + struct.pack(">q", ttl)


class Closed(Exception):
    pass


class RawClient:
    def __init__(self, port, timeout=20, source=None):
        """`source`: the address it comes from, another one of the loopback range."""
        self.address = ("127.0.0.1", port)
        self.socket = socket.create_connection(self.address, timeout=timeout, source_address=source and (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session = 0
        self.password = b"\0" * 16

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        """Closes the session, too, if there is one: a later expiry would be a txn in the middle of another test. If the
        server has closed the connection, over another one."""
        if self.session and self.socket.fileno() >= 0 and not self._end_session():
            self.close()
            session, self.socket = self.session, socket.create_connection(self.address, timeout=3)
            try:
                self.connect(session=session, password=self.password)
                self._end_session()
            except (Closed, OSError):
                pass
        self.close()

    def _end_session(self):
        """False: the connection ended before any answer."""
        answered = False
        try:
            self.socket.settimeout(3)
            self.send(0, CLOSE_SESSION)
            while True:
                self.read_frame()
                answered = True
        except (Closed, OSError):
            return answered

    def close(self):
        """Lets go of the connection only."""
        self.socket.close()

    def send_frame(self, payload):
        self.socket.sendall(struct.pack(">i", len(payload)) + payload)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                chunk = self.socket.recv(count - len(data))
            except ConnectionResetError:
                chunk = b""
            if not chunk:
                raise Closed()
            data += chunk
        return data

    def read_frame(self):
        return self._exactly(struct.unpack(">i", self._exactly(4))[0])

    def connect(self, timeout_ms=10000, session=0, password=b"\0" * 16, seen=0, read_only=b"\0"):
        """`read_only`: the last byte; old clients send none."""
        self.ask_session(timeout_ms, session, password, seen, read_only)
        return self.take_session()

    def ask_session(self, timeout_ms=10000, session=0, password=b"\0" * 16, seen=0, read_only=b"\0"):
        payload = struct.pack(">iqiq", 0, seen, timeout_ms, session) + string(password)
        self.send_frame(payload + read_only)

    def take_session(self):
        answer = self.read_frame()
        self.timeout, self.session = struct.unpack(">iq", answer[4:16])
        self.password = answer[20:36]
        return answer

    def send(self, xid, op, body=b""):
        self.send_frame(struct.pack(">ii", xid, op) + body)

    def read(self):
        """(xid, zxid, error, body) of the next frame."""
        frame = self.read_frame()
        return struct.unpack(">iqi", frame[:16]) + (frame[16:],)

    def call(self, xid, op, body=b""):
        self.send(xid, op, body)
        return self.read()

    def is_closed(self):
        """True when the server ends the connection and says nothing more."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
