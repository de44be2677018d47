"""Copies of hosts, as much of them as the check of a host reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max processes             {nproc_soft:<20} {nproc:<20} processes
Max open files            {nofile_soft:<20} {nofile:<20} files
Max locked memory         {memlock:<20} {memlock:<20} bytes
"""
KERNEL_5 = {
    "vm/swappiness": "60",
    "vm/overcommit_memory": "0",
    "vm/zone_reclaim_mode": "0",
    "vm/max_map_count": "65530",
    "vm/dirty_background_ratio": "10",
    "vm/dirty_background_bytes": "0",
    "vm/dirty_ratio": "20",
    "vm/dirty_bytes": "0",
    "vm/dirty_writeback_centisecs": "500",
    "vm/dirty_expire_centisecs": "3000",
    "vm/min_free_kbytes": "90112",
    "vm/watermark_scale_factor": "10",
    "fs/file-max": "9223372036854775807",
    "fs/nr_open": "1048576",
    "kernel/osrelease": "5.14.0-427.13.1.el9_4.x86_64",
    "net/core/somaxconn": "4096",
    "net/core/netdev_max_backlog": "1000",
    "net/core/rmem_max": "212992",
    "net/core/wmem_max": "212992",
    "net/ipv4/tcp_max_syn_backlog": "4096",
    "net/ipv4/tcp_rmem": "4096\t131072\t6291456",
    "net/ipv4/tcp_wmem": "4096\t16384\t4194304",
    "net/ipv4/tcp_slow_start_after_idle": "1",
    "net/ipv4/ip_local_port_range": "32768\t60999",
}


class Host:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, text: str) -> None:
        """Write a file with a newline at its end, and the folders above it."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape") + b"\n")

    def folder(self, *names: str) -> None:
        """Make folders."""
        for name in names:
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def unreadable(self, name: str) -> None:
        """Something is there that cannot be read as a file, whoever reads it."""
        (self.root / name).unlink(missing_ok=True)
        self.folder(name)

    def kernel(self, **changes: str | None) -> None:
        """The settings of a kernel 5.14; `vm__swappiness="1"` is another value, None a setting that it lacks."""
        settings = KERNEL_5 | {name.replace("__", "/"): value for name, value in changes.items()}
        for name, value in settings.items():
            if value is not None:
                self.put(f"proc/sys/{name}", value)

    def machine(self, memory_kb: int = 65_536_000, swap_kb: int = 4_194_300, huge: int = 0) -> None:
        """Memory, and a system with systemd, PAM and udev."""
        self.put(
            "proc/meminfo",
            f"MemTotal:       {memory_kb} kB\nMemFree: 1 kB\nSwapTotal:  {swap_kb} kB\nHugePages_Total:   {huge}",
        )
        self.put("proc/cpuinfo", "processor : 0\nflags\t\t: fpu vme sse2 constant_tsc")
        self.put("proc/self/cgroup", "0::/user.slice/user-0.slice/session-1.scope")
        self.put("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids")
        self.put("proc/1/cgroup", "0::/init.scope")
        self.put("proc/self/mountinfo", "24 30 0:22 / /proc rw,nosuid - proc proc rw")
        self.put("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never")
        self.put("sys/kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never")
        self.put("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc")
        self.limits()
        self.mounts("/dev/mapper/rhel-root / xfs rw,relatime,attr2 0 0", "/dev/sda1 /boot xfs rw 0 0")
        self.folder("etc/systemd", "etc/security/limits.d", "etc/udev/rules.d", "etc/sysctl.d")

    def limits(
        self, nofile: str = "524288", nproc: str = "127000", memlock: str = "8388608", nproc_soft: str = "4096"
    ) -> None:
        """The limits of a process."""
        self.put(
            "proc/self/limits",
            LIMITS.format(nofile_soft="1024", nofile=nofile, nproc_soft=nproc_soft, nproc=nproc, memlock=memlock),
        )

    def mounts(self, *lines: str) -> None:
        """What is mounted."""
        self.put("proc/mounts", "\n".join(("proc /proc proc rw 0 0", "tmpfs /run tmpfs rw 0 0", *lines)))

    def disk(self, name: str, scheduler: str, rotational: str = "0", read_ahead: str = "128") -> None:
        """A block device."""
        self.put(f"sys/block/{name}/queue/scheduler", scheduler)
        self.put(f"sys/block/{name}/queue/rotational", rotational)
        self.put(f"sys/block/{name}/queue/read_ahead_kb", read_ahead)


def rotating_disks(host: Host) -> None:
    """A server of its own with two disks, one over them, and somebody's huge pages."""
    host.kernel(vm__swappiness="30", net__ipv4__ip_local_port_range="1024\t65000")
    host.machine(memory_kb=131_072_000, huge=512)
    host.put("run/chrony/chronyd.pid", "812")
    host.disk("sda", "none [bfq] mq-deadline", "1")
    host.disk("sdb", "none bfq [mq-deadline]", "1", "4096")
    host.disk("dm-0", "none", "1")
    host.disk("loop0", "[none]")
    host.put("sys/class/dmi/id/product_name", "PowerEdge R750")
    host.mounts(
        "/dev/mapper/rhel-root / xfs rw,relatime 0 0",
        "/dev/sdb1 /data\\040disk ext4 rw,strictatime,nobarrier 0 0",
        "/dev/sdb1 /data\\040disk ext4 rw,noatime 0 0",
        "/dev/sdc1 /btr btrfs rw,relatime 0 0",
        "/dev/sdd1 /sync ext4 rw,noatime,sync,barrier=0 0 0",
    )


def fast_disks(host: Host) -> None:
    """NVMe, and everything as it is wanted but the huge pages of one kind."""
    host.kernel(
        vm__swappiness="1",
        vm__max_map_count="1048576",
        vm__min_free_kbytes="1048576",
        vm__watermark_scale_factor="100",
        net__core__netdev_max_backlog="30000",
        net__ipv4__tcp_slow_start_after_idle="0",
        kernel__osrelease="6.8.0-45-generic",
        vm__dirty_background_ratio="0",
        vm__dirty_background_bytes="268435456",
        vm__dirty_ratio="0",
        vm__dirty_bytes="1073741824",
    )
    host.machine(memory_kb=263_000_000)
    host.limits("1048576", "unlimited", "unlimited", "unlimited")
    host.put("run/systemd/timesync/synchronized", "")
    host.put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never")
    host.disk("nvme0n1", "[none] mq-deadline kyber", "0", "256")
    host.disk("nvme1n1", "none [bfq]", "0", "16")


def virtual_machine(host: Host) -> None:
    """Virtio and a SCSI disk that says that it rotates."""
    host.kernel(kernel__osrelease="6.1.0-25-cloud-amd64", vm__zone_reclaim_mode=None)
    host.machine(memory_kb=16_384_000, swap_kb=0)
    host.put("proc/cpuinfo", "processor : 0\nflags\t\t: fpu vme hypervisor sse2\nflags : fpu")
    host.put("sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock")
    host.disk("vda", "[mq-deadline] none", "1", "4096")
    host.disk("sda", "none [bfq] mq-deadline", "1")
    host.mounts("/dev/vda1 / ext4 rw,relatime 0 0", "/dev/vdb /srv/rocketmq ext4 rw,noatime 0 0")


def arm_machine(host: Host) -> None:
    """A virtual machine that only its product tells, without systemd and PAM."""
    host.kernel(kernel__osrelease="6.12.3")
    host.machine(memory_kb=1_000_000, swap_kb=0)
    host.put("proc/cpuinfo", "processor : 0\nFeatures\t: fp asimd")
    host.put("sys/class/dmi/id/product_name", "KVM Virtual Machine")
    host.put("sys/devices/system/clocksource/clocksource0/current_clocksource", "arch_sys_counter")
    for name in ("etc/systemd", "etc/security/limits.d", "etc/security", "etc/udev/rules.d", "etc/udev"):
        (host.root / name).rmdir()
    host.disk("sda", "[none] mq-deadline", "1")


def container(host: Host) -> None:
    """A container with limits in its own group, as an engine with control groups of version 2 makes it."""
    host.kernel()
    host.machine()
    host.put("proc/self/cgroup", "0::/")
    host.put("proc/1/cgroup", "0::/")
    host.put(
        "proc/self/mountinfo",
        "600 599 0:70 / / rw - overlay overlay rw\n601 600 0:71 / /proc/sys ro,nosuid,nodev - proc proc rw",
    )
    host.put("sys/fs/cgroup/memory.max", "3221225472")
    host.put("sys/fs/cgroup/memory.high", "2147483648")
    (host.root / "proc/sys/net/core/netdev_max_backlog").unlink()
    host.put("sys/fs/cgroup/cpu.max", "150000 100000")
    host.mounts("overlay / overlay rw,relatime 0 0", "/dev/nvme0n1p1 /etc/hosts ext4 rw 0 0")
    host.disk("nvme0n1", "[none] mq-deadline")


def old_container(host: Host) -> None:
    """A container of version 1, its group seen from outside, with the limits of the pod above."""
    host.kernel(kernel__osrelease="4.18.0-553.el8.x86_64")
    host.machine()
    (host.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    host.put(
        "proc/self/cgroup", "5:memory:/kubepods/pod1/abc\n4:cpu,cpuacct:/kubepods/pod1/abc\n1:name=systemd:/x\n0::/"
    )
    host.put("proc/1/cgroup", "5:memory:/kubepods/pod1/abc")
    host.put("sys/fs/cgroup/memory/kubepods/pod1/abc/memory.limit_in_bytes", "9223372036854771712")
    host.put("sys/fs/cgroup/memory/kubepods/pod1/memory.limit_in_bytes", "8589934592")
    host.put("sys/fs/cgroup/cpu,cpuacct/kubepods/pod1/abc/cpu.cfs_quota_us", "-1")
    host.put("sys/fs/cgroup/cpu,cpuacct/kubepods/pod1/abc/cpu.cfs_period_us", "100000")
    host.put("sys/fs/cgroup/cpu,cpuacct/kubepods/cpu.cfs_quota_us", "400000")
    host.put("sys/fs/cgroup/cpu,cpuacct/kubepods/cpu.cfs_period_us", "100000")
    host.disk("sda", "[mq-deadline] none", "0")


def limited_unit(host: Host) -> None:
    """No container: the limit of a slice of systemd, two folders up."""
    host.kernel()
    host.machine()
    host.put("sys/fs/cgroup/user.slice/memory.max", "6442450944")
    host.put("sys/fs/cgroup/user.slice/user-0.slice/memory.max", "max")
    host.put("sys/fs/cgroup/user.slice/user-0.slice/session-1.scope/memory.max", "99999999999999999999")
    host.put("sys/fs/cgroup/user.slice/cpu.max", "max 100000")
    host.put("sys/fs/cgroup/user.slice/user-0.slice/cpu.max", "33333 100000")
    host.disk("xvda", "[none] mq-deadline", "0", "64")


def old_kernel(host: Host) -> None:
    """CentOS 7: one queue, schedulers and settings that are gone today."""
    host.kernel(
        kernel__osrelease="3.10.0-1160.el7.x86_64",
        vm__watermark_scale_factor=None,
        vm__overcommit_memory="2",
        net__core__somaxconn="128",
        net__ipv4__tcp_tw_recycle="1",
        net__ipv4__tcp_rmem="4096\t87380\t4194304",
        vm__dirty_ratio="50",
        vm__dirty_background_ratio="50",
        vm__dirty_writeback_centisecs="360000",
        vm__extra_free_kbytes="0",
    )
    host.machine(swap_kb=8_388_604)
    (host.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    host.put("sys/kernel/mm/transparent_hugepage/defrag", "[always] madvise never")
    host.put("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet")
    host.disk("sda", "noop deadline [cfq]", "1")
    host.disk("sdb", "noop deadline [cfq]", "0")
    host.disk("cciss!c0d0", "noop [deadline] cfq", "1", "0")


def ancient_kernel(host: Host) -> None:
    """Too old, and a disk whose kind is not known."""
    host.kernel(kernel__osrelease="2.6.32-754.el6.x86_64")
    host.machine()
    host.disk("sda", "noop deadline [cfq]", "perhaps")


def broken(host: Host) -> None:
    """Things that are missing, empty, no numbers, or cannot be read."""
    host.kernel(
        vm__swappiness="",
        vm__max_map_count="many",
        vm__dirty_ratio="-1",
        vm__min_free_kbytes="007",
        net__ipv4__tcp_rmem="4096 87380",
        net__ipv4__tcp_wmem="a b c",
        net__ipv4__ip_local_port_range="1024 x",
        kernel__osrelease="Linux",
        net__core__somaxconn=None,
        fs__nr_open="99999999999999999999999",
    )
    host.machine()
    host.unreadable("proc/sys/vm/overcommit_memory")
    host.unreadable("proc/sys/net/core/rmem_max")
    host.put("proc/meminfo", "MemTotal: lots kB\nSwapTotal:\nHugePages_Total: 0x10")
    host.put("proc/self/limits", "Max open files 1024\nMax processes  x y processes")
    host.unreadable("proc/self/cgroup")
    host.put("sys/kernel/mm/transparent_hugepage/enabled", "always madvise never")
    (host.root / "sys/kernel/mm/transparent_hugepage/defrag").unlink()
    host.put("sys/fs/cgroup/memory.max", "none")
    host.put("sys/fs/cgroup/cpu.max", "0 100000")
    host.disk("sda", "", "1", "x")
    host.folder("sys/block/sdb/queue", "sys/block/sdc", "sys/block/.hidden")
    host.unreadable("proc/mounts")


def empty(host: Host) -> None:
    """A folder that holds nothing of a host."""


HOSTS: dict[str, Callable[[Host], None]] = {
    build.__name__: build
    for build in (
        rotating_disks, fast_disks, virtual_machine, arm_machine, container, old_container, limited_unit, old_kernel,
        ancient_kernel, broken, empty,
    )
}  # fmt: skip


def made(name: str, root: Path) -> Path:
    """The copy of the host of this name."""
    root.mkdir(parents=True)
    HOSTS[name](Host(root))
    return root


def tree(root: Path) -> dict[str, tuple[int, bytes | str]]:
    """Everything below a folder: mode, and the bytes or the target of a link; folders have no content."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content: bytes | str = b""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        found[path.relative_to(root).as_posix()] = (status.st_mode, content)
    return found
