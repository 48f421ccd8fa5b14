"""Which mount a path leads to, and whether SQLite can share a database there."""

import os
import sys
from pathlib import Path

import pytest

from kosmos_nb.history import filesystem
from kosmos_nb.history.filesystem import Mount, is_network, mount_of, network_drive, network_mount

SERVER = """\
22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
24 28 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=16317612k,nr_inodes=4079403,mode=755
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
91 28 259:1 / /boot/efi rw,relatime shared:49 - vfat /dev/nvme0n1p1 rw,fmask=0077,dmask=0077
310 28 0:53 / /homes rw,relatime shared:160 - nfs4 filer.lab:/export/home rw,vers=4.2,rsize=1048576,hard
312 310 259:5 / /homes/ada/scratch rw,relatime shared:162 - xfs /dev/nvme1n1p1 rw,attr2,inode64,noquota
318 28 0:55 / /mnt/Team\\040Drive rw,relatime shared:170 - cifs //10.0.0.5/team rw,vers=3.1.1,cache=strict
320 28 0:56 / /srv/a\\011tab\\134slash rw,relatime shared:171 - fuse.sshfs ada@far:/data rw,user_id=1000
"""
CONTAINER = """\
1412 1203 0:270 / / rw,relatime master:490 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/ABC
1413 1412 0:273 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1416 1412 0:274 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755,inode64
1421 1416 0:275 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k,inode64
1430 1412 254:1 /docker/volumes/homes/_data /homes/jovyan rw,relatime master:30 - ext4 /dev/vda1 rw
1431 1430 0:41 /users/ada/work /homes/jovyan/work rw,nosuid,nodev,relatime - fakeowner /run/host_mark/Users rw
1432 1412 0:42 / /workspace rw,relatime - virtiofs com.apple.virtio-fs.automount rw
1433 1412 0:43 / /old rw,nosuid,nodev,relatime - fuse.grpcfuse grpcfuse rw,user_id=0,group_id=0,allow_other
"""
WSL = """\
68 81 8:48 / / rw,relatime - ext4 /dev/sdd rw,discard,errors=remount-ro,data=ordered
91 68 0:60 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000,trans=fd,rfd=5,wfd=5
"""
GVISOR = """\
16 15 0:18 / / rw - 9p none rw,trans=fd,rfdno=3,wfdno=3,aname=/,dfltuid=4294967294,cache=fscache,directfs
17 16 0:20 / /proc rw - proc none rw
"""
AUTOMOUNT = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
60 27 0:50 / /homes rw,relatime shared:30 - autofs /etc/auto.home rw,fd=7,pgrp=900,timeout=300,indirect
75 60 0:61 / /homes/ada rw,relatime shared:60 - nfs filer:/vol/homes/ada rw,vers=3
"""
COVERED = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
50 27 0:60 / /data/ada rw,relatime - nfs4 filer:/ada rw
51 27 0:61 / /data rw,relatime - tmpfs tmpfs rw
52 27 0:62 / /job rw,relatime - nfs4 filer:/work rw
53 52 254:0 /var/job /job rw,relatime - ext4 /dev/vda rw
54 27 0:63 / /twice rw,relatime - ext4 /dev/vdb rw
55 27 0:64 / /twice rw,relatime - nfs4 filer:/twice rw
"""


@pytest.mark.parametrize(
    ("mounts", "path", "found"),
    [
        (SERVER, "/homes/ada/.local/state/kosmos_nb/history.sqlite", "nfs4 at /homes"),
        (SERVER, "/homes", "nfs4 at /homes"),
        (SERVER, "/homes/ada/scratch/kosmos/history.sqlite", None),
        (SERVER, "/homesless/history.sqlite", None),
        (SERVER, "/mnt/Team Drive/history.sqlite", "cifs at /mnt/Team Drive"),
        (SERVER, "/srv/a\ttab\\slash/x", "fuse.sshfs at /srv/a\ttab\\slash"),
        (SERVER, "/tmp/x", None),
        (CONTAINER, "/homes/jovyan/.local/state/kosmos_nb/history.sqlite", None),
        (CONTAINER, "/homes/jovyan/work/history.sqlite", "fakeowner at /homes/jovyan/work"),
        (CONTAINER, "/workspace/x", "virtiofs at /workspace"),
        (CONTAINER, "/old/x", "fuse.grpcfuse at /old"),
        (CONTAINER, "/opt/x", None),
        (WSL, "/mnt/c/users/ada/x", "9p at /mnt/c"),
        (WSL, "/homes/ada/x", None),
        (GVISOR, "/homes/node/x", None),
        (AUTOMOUNT, "/homes/ada/x", "nfs at /homes/ada"),
        (COVERED, "/data/ada/x", None),  # /data was mounted over it
        (COVERED, "/job/x", None),  # a folder of the disk was bound over it
        (COVERED, "/twice/x", "nfs4 at /twice"),
    ],
)
def test_the_mount_that_holds_a_path_is_found_and_judged(mounts, path, found):
    mount = mount_of(path, mounts)
    assert mount is not None
    assert (str(mount) if is_network(mount) else None) == found


def test_a_root_that_is_itself_a_network_file_system_or_not_listed_at_all():
    diskless = "1 1 0:2 / / rw - rootfs rootfs rw\n25 1 0:19 / / rw - nfs 10.0.0.1:/roots/n7 rw,vers=3\n"
    assert str(mount_of("/homes/x", diskless)) == "nfs at /"
    # In a chroot the root's own mount is not listed, and what is mounted below hangs in the air.
    chroot = "310 28 0:53 / /homes rw,relatime - nfs4 filer:/home rw\n"
    assert str(mount_of("/homes/x", chroot)) == "nfs4 at /homes"
    assert mount_of("/etc/x", chroot) is None


@pytest.mark.parametrize(
    "text", ["", "\n\n", "no mounts", "1 2 3 - 4", "a b 0:1 / / rw - nfs x rw", " - " * 9]
)
def test_lines_of_another_form_are_left_out(text):
    assert mount_of("/x", text) is None
    assert str(mount_of("/x", text + "\n28 1 8:1 / / rw - ext4 /dev/sda1 rw")) == "ext4 at /"


@pytest.mark.parametrize("kind", "ext4 xfs btrfs zfs overlay tmpfs fuseblk ntfs3 apfs fuse.shfs".split())
def test_local_file_systems_pass(kind):
    assert not is_network(Mount("/x", kind, "/dev/sda1", "rw"))


@pytest.mark.parametrize(
    "kind",
    "nfs nfs4 cifs smb3 smbfs afs 9p virtiofs ceph lustre beegfs gpfs gfs2 vboxsf fuse.sshfs fuse.glusterfs "
    "fuse.rclone fuse.s3fs fuse.gcsfuse fuse.juicefs fuse.drive fuse.gvfsd-fuse fuse.vmhgfs-fuse".split(),
)
def test_network_file_systems_do_not(kind):
    assert is_network(Mount("/x", kind, "source", "rw,relatime"))


def test_of_fuse_without_a_type_of_its_own_the_source_tells():
    assert is_network(Mount("/dav", "fuse", "https://cloud.example.org/dav"))
    assert is_network(Mount("/bucket", "fuse", "mountpoint-s3"))
    assert not is_network(Mount("/run/user/1000/doc", "fuse", "portal"))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (r"C:\Users\ada\history.sqlite", None),
        (r"\\?\C:\Users\ada\history.sqlite", None),
        (r"Z:\history.sqlite", "network drive at Z:"),
        (r"\\filer\home\ada\history.sqlite", r"share at \\filer\home"),
        (r"\\?\UNC\filer\home\ada\history.sqlite", r"share at \\?\UNC\filer\home"),
        (r"\\wsl.localhost\Ubuntu\home\ada\x", r"share at \\wsl.localhost\Ubuntu"),
    ],
)
def test_windows_says_what_is_behind_a_drive(path, found):
    mount = network_drive(path, lambda root: 4 if root == "Z:\\" else 3)
    assert (None if mount is None else str(mount)) == found


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_links_are_followed_to_where_the_file_really_is(tmp_path, monkeypatch):
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(filesystem, "MOUNTS", table)
    far = tmp_path / "far"
    far.mkdir()
    (tmp_path / "link").symlink_to(far)
    table.write_text(f"28 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 28 0:40 / {far} rw - nfs4 filer:/x rw\n")
    assert str(network_mount(tmp_path / "link" / "history.sqlite")) == f"nfs4 at {far}"
    assert network_mount(tmp_path / "history.sqlite") is None
    table.unlink()
    assert network_mount(far / "history.sqlite") is None  # it cannot be told


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_this_machine_is_read_as_it_is():
    root = mount_of("/", os.fsdecode(Path("/proc/self/mountinfo").read_bytes()))
    assert root is not None and root.point == "/"
    assert str(mount_of("/proc/self", os.fsdecode(filesystem.MOUNTS.read_bytes()))) == "proc at /proc"
