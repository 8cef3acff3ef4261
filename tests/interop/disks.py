"""Disks that misbehave, for tests that run as root: one that gives no answer, and one that is slow."""
import ctypes
import os
import struct
import subprocess

MNT_DETACH = 2
MS_NOSUID, MS_NODEV = 2, 4
FUSE_INIT = 26
BLKIO = "/sys/fs/cgroup/blkio"

libc = ctypes.CDLL(None, use_errno=True)


class SilentDisk:
    """A file system over `directory` that answers nothing, as that of a file server which is gone: FUSE, with nobody behind.
    Who touches a path in it waits until end(). OSError where it cannot be mounted."""

    def __init__(self, directory):
        self.directory = directory
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % self.fuse
        if libc.mount(b"silent", directory.encode(), b"fuse", MS_NOSUID | MS_NODEV, options.encode()) != 0:
            number = ctypes.get_errno()
            os.close(self.fuse)
            raise OSError(number, "mount of a silent disk: " + os.strerror(number))
        # Requests wait for the answer to the first one, too; so they wait in vain behind it.
        request = os.read(self.fuse, 1 << 17)
        _, opcode, unique = struct.unpack_from("<IIQ", request)
        assert opcode == FUSE_INIT, opcode
        answer = struct.pack("<IIIIHHIIHH8I", 7, 31, 0, 0, 12, 9, 4096, 1, 1, 0, *[0] * 8)
        os.write(self.fuse, struct.pack("<IiQ", 16 + len(answer), 0, unique) + answer)

    def end(self):
        os.close(self.fuse)
        libc.umount2(self.directory.encode(), MNT_DETACH)


class LoopDisk:
    """A file system of its own over `directory`, on a file beside it. CalledProcessError where it cannot be mounted."""

    def __init__(self, directory, mebibytes):
        self.directory = directory
        self.image = directory.rstrip("/") + ".image"
        self.group = None
        with open(self.image, "wb") as file:
            file.truncate(mebibytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", self.image, directory], check=True, capture_output=True)

    def slow(self, pid, writes_per_s):
        """Bears so many writes of this process a second, and no more. False where the kernel cannot do that (it takes the
        block controller of cgroup v1)."""
        if not os.path.exists(BLKIO + "/cgroup.procs"):
            return False
        group = "%s/zkprov-slow-%d" % (BLKIO, os.getpid())
        os.makedirs(group, exist_ok=True)
        limit = group + "/blkio.throttle.write_iops_device"
        if not os.path.exists(limit):
            os.rmdir(group)
            return False
        self.group = group
        device = os.stat(self.directory).st_dev
        self._write(limit, "%d:%d %d" % (os.major(device), os.minor(device), writes_per_s))
        self._write(group + "/cgroup.procs", str(pid))
        return True

    def fast(self):
        if self.group is None:
            return
        with open(self.group + "/cgroup.procs") as file:
            pids = file.read().split()
        for pid in pids:
            self._write(BLKIO + "/cgroup.procs", pid)
        os.rmdir(self.group)
        self.group = None

    def end(self):
        self.fast()
        subprocess.run(["umount", self.directory], check=True)
        os.unlink(self.image)

    @staticmethod
    def _write(path, text):
        with open(path, "w") as file:
            file.write(text)
