"""Every item: what is wanted, why, who says so, and what it may cost. Both forms of the check read this.

The kernel's settings are rows that are judged by `housekeeping/host/rules.py`; the other items have a function each in
`housekeeping/host/items.py`. `scripts/os.sh` holds the same rows and texts, written into it by `scripts/gen_host.py`.
"""

from __future__ import annotations

import msgspec


class Declared(msgspec.Struct, frozen=True):
    """An item: its stable id (of a disk or mount it is followed by `:` and which), and what a reader needs to decide.

    `rule` are the words of a rule, for the settings of the kernel below `/proc/sys`. `hand` is what to do where no
    drop-in file does it; empty where one does.
    """

    id: str
    why: str
    source: str
    risk: str
    rule: str = ""
    hand: str = ""


_VM = "Linux admin-guide/sysctl/vm"
_FS = "Linux admin-guide/sysctl/fs"
_NET = "Linux admin-guide/sysctl/net"
_IP = "Linux networking/ip-sysctl"
_APACHE = "Apache RocketMQ distribution/bin/os.sh"

#: Rules: `least N`; `between LOW HIGH VALUE` (VALUE is what is written); `one-of A|B VALUE`; `third N` (the last of three
#: numbers is N or more); `swap` is `between` where there is swap; `dirty` is `between` unless bytes are set in its place;
#: `reserve` is computed from the memory; `ports` keeps ports that brokers listen on out of the range.
KERNEL: tuple[Declared, ...] = (
    Declared(
        "vm.swappiness",
        "pages of the heap that are swapped out stop a broker for seconds; the page cache can be read again",
        f"{_APACHE}; {_VM}",
        "under real shortage of memory the page cache shrinks first",
        "swap 1 10 1",
    ),
    Declared(
        "vm.overcommit_memory",
        "with 2 the kernel refuses memory that is only reserved, such as a JVM's heap",
        f"{_APACHE} (sets 1); {_VM}",
        "none with 0, the kernel's default",
        "one-of 0|1 0",
    ),
    Declared(
        "vm.zone_reclaim_mode",
        "with 1 a NUMA node drops its page cache while other nodes have free memory",
        f"{_APACHE}; {_VM}",
        "memory of another node is a little slower",
        "one-of 0 0",
    ),
    Declared(
        "vm.max_map_count",
        "a broker maps every commitlog, consumequeue and index file; at the limit it cannot make the next one",
        f"{_APACHE}; {_VM}",
        "none; kernel memory is used only for maps that exist",
        "least 655360",
    ),
    Declared(
        "vm.dirty_background_ratio",
        "writing back early keeps the amount that a sync or a full cache has to write at once small",
        f"{_VM}; Apache's os.sh sets 50, which delays tens of GB on a large host",
        "slightly more writes, as a page that changes again is written again",
        "dirty 1 10 5 vm.dirty_background_bytes",
    ),
    Declared(
        "vm.dirty_ratio",
        "at this share a thread that stores a message has to write back itself, and sends wait",
        f"{_VM}; Apache's os.sh sets 50",
        "more unwritten data is lost by a power cut with ASYNC_FLUSH",
        "dirty 20 60 40 vm.dirty_bytes",
    ),
    Declared(
        "vm.dirty_writeback_centisecs",
        "how often the kernel looks for pages to write; Apache's os.sh sets an hour, after which everything is written at once",
        _VM,
        "none with 500, the kernel's default",
        "between 100 1500 500",
    ),
    Declared(
        "vm.dirty_expire_centisecs",
        "the age at which a changed page is written: it bounds what a power cut takes from files that are not synced",
        _VM,
        "none with 3000, the kernel's default",
        "between 100 6000 3000",
    ),
    Declared(
        "vm.min_free_kbytes",
        "memory kept free for bursts of received packets while the page cache fills all the rest",
        f"{_VM}; replaces vm.extra_free_kbytes of Apache's os.sh, which mainline kernels never had",
        "that much memory is not page cache",
        "reserve",
    ),
    Declared(
        "vm.watermark_scale_factor",
        "wakes the kernel's own reclaim earlier, so that a send does not have to free memory itself",
        f"{_VM} (since Linux 4.6)",
        "about 1 % of the memory is kept free",
        "between 50 500 100",
    ),
    Declared(
        "fs.file-max",
        "open files of the whole host: each connection and each file of the store is one",
        _FS,
        "none",
        "least 1048576",
    ),
    Declared(
        "fs.nr_open",
        "the highest limit of open files that a process can be given",
        _FS,
        "none",
        "least 1048576",
    ),
    Declared(
        "net.core.somaxconn",
        "connections waiting to be accepted; a broker asks for 1024, the kernel cuts it to this",
        f"{_NET}; Apache RocketMQ NettyServerConfig.serverSocketBacklog",
        "none",
        "least 1024",
    ),
    Declared(
        "net.ipv4.tcp_max_syn_backlog",
        "half-open connections: all clients come back at once after a broker's restart",
        _IP,
        "little kernel memory",
        "least 2048",
    ),
    Declared(
        "net.core.netdev_max_backlog",
        "received packets waiting for a CPU; what is beyond is dropped and sent again",
        _NET,
        "little kernel memory",
        "least 2000",
    ),
    Declared(
        "net.core.rmem_max",
        "bounds receive buffers that are set by configuration (serverSocketRcvBufSize)",
        _NET,
        "none",
        "least 212992",
    ),
    Declared(
        "net.core.wmem_max",
        "bounds send buffers that are set by configuration (serverSocketSndBufSize)",
        _NET,
        "none",
        "least 212992",
    ),
    Declared(
        "net.ipv4.tcp_rmem",
        "its third number bounds how far the kernel widens a receive buffer: throughput over long distances, replication",
        _IP,
        "memory of connections that are busy",
        "third 6291456",
    ),
    Declared(
        "net.ipv4.tcp_wmem",
        "its third number bounds how far the kernel widens a send buffer: throughput over long distances, replication",
        _IP,
        "memory of connections that are busy",
        "third 4194304",
    ),
    Declared(
        "net.ipv4.tcp_slow_start_after_idle",
        "with 1 a connection that was idle begins slowly again: the first large pull after a pause is late",
        _IP,
        "bursts on congested links",
        "one-of 0 0",
    ),
    Declared(
        "net.ipv4.tcp_tw_recycle",
        "drops connections of clients behind NAT; the kernel removed it in 4.12",
        _IP,
        "none with 0",
        "one-of 0 0",
    ),
    Declared(
        "net.ipv4.ip_local_port_range",
        "an outgoing connection may take 9876, 10909, 10911 or 10912, and the server then cannot start",
        _IP,
        "none with 32768 to 60999, the kernel's default",
        "ports",
    ),
)

BEFORE: tuple[Declared, ...] = (
    Declared(
        "kernel.version",
        "older kernels lack what RocketMQ's servers, JDKs and Python 3.11 are tested with",
        "JDK and manylinux2014 baselines",
        "",
        hand="run a distribution with Linux 3.10 or newer",
    ),
    Declared(
        "cgroup.memory",
        "the limit counts the page cache too: with little room messages are read from the disk, or the broker is killed",
        "Linux admin-guide/cgroup-v2, memory.max",
        "",
        hand="raise the memory limit of the container or unit, or give the JVM less (mqadmin os check --for apache)",
    ),
    Declared(
        "cgroup.cpu",
        "at its share the process is stopped until the next period, up to 100 ms: seen as latency of sends",
        "Linux scheduler/sched-bwc",
        "",
        hand="raise or remove the CPU limit of the container or unit",
    ),
    Declared(
        "memory.swap",
        "a swapped heap stops a broker; swap with a low vm.swappiness is only a reserve",
        f"{_APACHE} (vm.swappiness=1)",
        "without swap a shortage of memory ends in the OOM killer",
        hand="enough once vm.swappiness is set; or swapoff -a, and remove the swap line of /etc/fstab",
    ),
    Declared(
        "memory.hugepages",
        "reserved huge pages are lost to the page cache, and Apache's scripts run with -XX:-UseLargePages",
        "Linux admin-guide/mm/hugetlbpage; Apache RocketMQ runbroker.sh",
        "other software of the host (a database) may need them",
        hand="remove vm.nr_hugepages from the sysctl files or hugepages= from the kernel's command line, if nobody needs it",
    ),
)

AFTER: tuple[Declared, ...] = (
    Declared(
        "thp.enabled",
        "with always the kernel merges pages of the heap while the broker waits, and memory grows",
        "Linux admin-guide/mm/transhuge",
        "other software may be a little slower; madvise leaves it the choice",
    ),
    Declared(
        "thp.defrag",
        "with always a page fault waits for memory to be compacted",
        "Linux admin-guide/mm/transhuge",
        "none",
    ),
    Declared(
        "limit.nofile",
        "a file for each connection and each file of the store; JVM and mqbroker raise their soft limit to the hard one",
        f"{_APACHE} (655350)",
        "programs that close every possible file at start take longer",
    ),
    Declared(
        "limit.nproc",
        "a JVM broker has some hundred threads, each counts; at the limit it ends with OutOfMemoryError",
        "getrlimit(2), RLIMIT_NPROC",
        "a runaway program may start more processes",
    ),
    Declared(
        "limit.memlock",
        "only brokers with transientStorePoolEnable or warmMapedFileEnable lock memory; they go on silently without",
        f"{_APACHE} (unlimited)",
        "what is locked is not available to anybody else",
        hand="only if one of the two is on: LimitMEMLOCK=infinity in the broker's unit, or memlock in limits.d for its user",
    ),
    Declared(
        "clock.source",
        "a clock that is read through the kernel costs microseconds, several times a message",
        "Linux virt/kvm/x86/timekeeping; Amazon EC2 user guide, time source",
        "tsc has to be stable; the kernel says in its log when it is not",
        hand="kernel command line clocksource=tsc, if dmesg does not call tsc unstable",
    ),
    Declared(
        "clock.sync",
        "delays, retention, searches by time and the order of traces go by the clock; a step turns them",
        "Apache RocketMQ: store timestamps are the broker's clock",
        "",
        hand="run chrony or systemd-timesyncd, slewing instead of stepping",
    ),
    Declared(
        "disk.scheduler",
        "a fast or virtual disk needs no reordering in this kernel; a rotating one needs a bound on waiting",
        "Linux block/switching-sched; the names deadline and cfq ended with Linux 5.0",
        "other load on the same disk is shared out differently",
    ),
    Declared(
        "disk.read-ahead",
        "too much fills the page cache with what nobody reads when consumers read old messages; too little makes them slow",
        "Linux sysfs-block, read_ahead_kb",
        "sequential readers of other software",
    ),
    Declared(
        "mount.type",
        "files are mapped and overwritten in place: copy-on-write scatters them, network and overlay file systems lose syncs",
        "Linux filesystems documentation",
        "",
        hand="put storePathRootDir on a local ext4 or xfs",
    ),
    Declared(
        "mount.atime",
        "with strictatime every read writes",
        "mount(8)",
        "none with relatime",
        hand="noatime in the options of /etc/fstab, then mount -o remount",
    ),
    Declared(
        "mount.barrier",
        "without barriers a power cut damages what was reported as synced, SYNC_FLUSH included",
        "Linux filesystems/ext4",
        "",
        hand="remove nobarrier or barrier=0 from the options of /etc/fstab, then mount -o remount",
    ),
    Declared(
        "mount.sync",
        "with sync every append waits for the disk, whatever flushDiskType says",
        "mount(8)",
        "",
        hand="remove sync from the options of /etc/fstab, then mount -o remount",
    ),
)

CATALOGUE = BEFORE + KERNEL + AFTER
BY_ID = {declared.id: declared for declared in CATALOGUE}


def declared_of(item: str) -> Declared:
    """The declaration of an item's id."""
    return BY_ID[item.partition(":")[0]]
