"""Whether a file lies on a network file system, where processes must not share a database.

SQLite's write-ahead log keeps an index in memory that all processes share by mapping one file.
Over a network each machine maps a copy of its own: nothing fails, and what one process has
saved the next one overwrites. (Two processes through sshfs and beside it were told of 402
saves, and 201 were there.) The same holds between a virtual machine and its host: virtiofs, 9p
(as in WSL 2) and the shared folders of Docker Desktop and VirtualBox count as network. So do
cluster file systems, whose use it is that several machines write. FUSE as such does not: much
of it is local, and where it cannot map a file, SQLite says so itself.

Source: sqlite.org/wal.html, section 8; NousResearch/hermes-agent#110847 (WAL damaged within a
minute on virtiofs, sound for half an hour on ext4 in the same machine) and #119614 (gVisor).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

MOUNTS = Path("/proc/self/mountinfo")

_NETWORK = frozenset(
    # network and cluster file systems
    "nfs nfs4 cifs smb3 smbfs afpfs ncpfs afs auristorfs coda 9p ceph lustre beegfs gpfs wekafs panfs "
    "orangefs pvfs2 glusterfs ocfs2 gfs2 webdav davfs "
    # of a virtual machine's host
    "virtiofs AppleVirtIOFS vboxsf vmhgfs prl_fs drvfs osxfs grpcfuse fakeowner "
    # the same and more through FUSE, without its `fuse.`
    "sshfs ceph-fuse davfs2 curlftpfs smbnetfs rclone s3fs goofys geesefs mountpoint-s3 gcsfuse "
    "blobfuse blobfuse2 juicefs mfs lizardfs saunafs seaweedfs drive google-drive-ocamlfuse onedriver "
    "gvfsd-fuse kio-fuse vmhgfs-fuse".split()
)
_REMOTE = 4  # DRIVE_REMOTE of Windows
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system that is mounted.

    Attributes:
        point: Where.
        kind: Its type, as `mount` shows it.
        source: What is mounted.
        options: Options of the file system, joined by commas.
    """

    point: str
    kind: str
    source: str = ""
    options: str = ""

    def __str__(self) -> str:
        return f"{self.kind} at {self.point}"


def network_mount(path: Path) -> Mount | None:
    """Return the network file system that holds the file; None where it is local, or cannot be told.

    Links are followed.
    """
    real = os.path.realpath(path)
    try:
        if sys.platform == "linux":
            mount = mount_of(real, os.fsdecode(MOUNTS.read_bytes()))
            return mount if mount is not None and is_network(mount) else None
        elif sys.platform == "win32":  # noqa: RET505 - so that mypy sees which is for which system
            return network_drive(real, _drive_type)
        else:
            return _network_mount_elsewhere(real)
    except OSError:
        return None


def is_network(mount: Mount) -> bool:
    """Return whether it is of a type over which processes cannot share memory."""
    if mount.kind == "9p" and "rfdno=" in mount.options:
        return False  # gVisor calls its folders so, and is one kernel that shares their memory
    kind = mount.kind.removeprefix("fuse.")
    if kind == "fuse":  # without a subtype, only the source says what it is
        return "://" in mount.source or mount.source in _NETWORK
    return kind in _NETWORK


def mount_of(path: str, mountinfo: str) -> Mount | None:
    """Return the mount that a path leads to, as the kernel walks it.

    From mount to mount, each time the first one met along the path: one that a later mount above
    it hides is not taken for the one in use, as it would be by the longest name.

    Args:
        path: Absolute, without links.
        mountinfo: What Linux says in `/proc/self/mountinfo`.
    """
    over = list(_mounts_over(path, mountinfo))
    numbers = {number for number, _, _ in over}
    here = [entry for entry in over if entry[1] == entry[0] or entry[1] not in numbers]
    found = None
    while here:
        # Of two at the same point, the later one lies on top.
        number, _, found = min(reversed(here), key=lambda entry: len(entry[2].point))
        here = [entry for entry in over if entry[1] == number != entry[0]]
    return found


def _mounts_over(path: str, mountinfo: str) -> Iterator[tuple[int, int, Mount]]:
    """Give number, number of the mount beneath, and mount, of each that a path may lead through.

    Lines of another form are left out.
    """
    for line in mountinfo.split("\n"):
        # number beneath device root point options [tag…] - kind source options
        left = line.split(" ", 5)
        if len(left) < 6 or not _is_within(path, point := _plain(left[4])):
            continue
        right = left[5].partition(" - ")[2].split(" ")
        if len(right) > 2 and left[0].isdecimal() and left[1].isdecimal():
            yield int(left[0]), int(left[1]), Mount(point, right[0], _plain(right[1]), right[2])


def _plain(text: str) -> str:
    """Undo the kernel's escapes of space, tab, newline, # and backslash."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text) if "\\" in text else text


def _is_within(path: str, point: str) -> bool:
    return path == point or path.startswith(point if point.endswith("/") else point + "/")


def _network_mount_elsewhere(path: str) -> Mount | None:
    """Ask macOS or BSD; what is mounted on what is not known there, so the longest name counts."""
    import psutil  # noqa: PLC0415 - 20 ms, and a kernel has it already

    over = [one for one in psutil.disk_partitions(all=True) if _is_within(path, one.mountpoint)]
    if not over:
        return None
    found = max(over, key=lambda one: len(one.mountpoint))
    mount = Mount(found.mountpoint, found.fstype, found.device, found.opts)
    is_remote = sys.platform == "darwin" and "local" not in found.opts.split(",")  # macOS says so itself
    return mount if is_remote or is_network(mount) else None


def network_drive(path: str, drive_type: Callable[[str], int]) -> Mount | None:
    """Windows: return a share that is named by its path, or by a drive letter that stands for one.

    Args:
        path: Absolute.
        drive_type: Asks Windows for the type of a drive, given its root.
    """
    drive = PureWindowsPath(path).drive
    if drive.upper().startswith("\\\\?\\UNC\\"):
        return Mount(drive, "share")
    drive = drive.removeprefix("\\\\?\\")
    if drive.startswith("\\\\"):
        return Mount(drive, "share")
    return Mount(drive, "network drive") if drive_type(drive + "\\") == _REMOTE else None


if sys.platform == "win32":
    import ctypes

    def _drive_type(root: str) -> int:
        return int(ctypes.windll.kernel32.GetDriveTypeW(root))
