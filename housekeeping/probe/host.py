"""The host of a broker while messages go through it: memory, the broker's process, pressure, disk, page cache, clock.

Two looks, before the sends and after them; of counters the difference counts. None is unknown, never 0: a file that
this kernel does not have or this user may not read, or a difference in a copy of a host, which stands still.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.host.root import Root, number

_LISTENS: Final = "0A"
#: Less is no step: the wall clock is read in whole ms.
_LEAST_STEP_MS: Final = 2
_TOTAL = re.compile(r"^some .*avg10=([0-9.]+).* total=([0-9]+)$", re.MULTILINE)
_PRESSURES: Final = ("cpu", "memory", "io")


class HostSample(msgspec.Struct, rename="camel", kw_only=True):
    """The host of the broker `target` (or of none: "host") around its messages; null is unknown.

    `dirty_bytes` and `writeback_bytes` are the larger of two looks, `elapsed_millis` apart (null: a copy that stands
    still). Counters are differences. Pressure is the share of that time in which some task waited (of a copy: the
    kernel's average over 10 s), `disk_queue` how many requests the disk had on average (of a copy: at that moment),
    `disk_latency_millis` what one took. `commit_log_resident` is how much of what is written in the newest commitlog
    file lies in the page cache. `clock_step_millis`: how far the wall clock moved more than the time that went by.
    """

    target: str
    pid: int | None = None
    elapsed_millis: int | None = None
    dirty_bytes: int | None = None
    writeback_bytes: int | None = None
    major_faults: int | None = None
    context_switches: int | None = None
    cpu_pressure_percent: float | None = None
    memory_pressure_percent: float | None = None
    io_pressure_percent: float | None = None
    disk: str | None = None
    disk_queue: float | None = None
    disk_latency_millis: float | None = None
    commit_log_file: str | None = None
    commit_log_resident_percent: float | None = None
    clock_step_millis: int | None = None

    def figures(self) -> dict[str, float]:
        """What is known, under its name in snake case: the names of history and metrics."""
        values = {name: getattr(self, name) for name in FIGURES}
        return {name: value for name, value in values.items() if value is not None}

    def unknown(self) -> list[str]:
        """What is not known, in words."""
        return [FIGURES[name].words for name in FIGURES if getattr(self, name) is None]

    def told(self) -> str:
        """What is known, for people."""
        figures = self.figures()
        return ", ".join(FIGURES[name].told(figures[name]) for name in FIGURES if name in figures)


class _Known(NamedTuple):
    words: str
    told: Callable[[float], str]


#: The figures of a sample: what they are in words, and how a value is shown.
FIGURES: Final[dict[str, _Known]] = {
    "writeback_bytes": _Known("pages in writeback", lambda value: f"writeback {_size(value)}"),
    "dirty_bytes": _Known("dirty pages", lambda value: f"dirty {_size(value)}"),
    "major_faults": _Known("major faults", lambda value: f"{value} major faults"),
    "context_switches": _Known("context switches", lambda value: f"{value} context switches"),
    "commit_log_resident_percent": _Known(
        "commitlog in the page cache", lambda value: f"commitlog {value:.0f} % resident"
    ),
    "cpu_pressure_percent": _Known("CPU pressure", lambda value: f"CPU pressure {value:.0f} %"),
    "memory_pressure_percent": _Known("memory pressure", lambda value: f"memory pressure {value:.0f} %"),
    "io_pressure_percent": _Known("I/O pressure", lambda value: f"I/O pressure {value:.0f} %"),
    "disk_queue": _Known("disk queue", lambda value: f"disk queue {value:.1f}"),
    "disk_latency_millis": _Known("disk latency", lambda value: f"disk latency {value:.1f} ms"),
    "clock_step_millis": _Known("clock step", lambda value: f"clock stepped {value} ms"),
}


class Store(NamedTuple):
    """Where a broker's store is, by its configuration, and where its commitlog ends; None: unknown."""

    commit_logs: Sequence[str] = ()
    lock: str | None = None
    end: int | None = None


def store_of(config: Mapping[str, str], figures: Mapping[str, str]) -> Store:
    """By what the broker answers to GET_BROKER_CONFIG and GET_BROKER_RUNTIME_INFO.

    `storePathCommitLog` is left out where it has its default, and may list several folders (MULTI_PATH_SPLITTER).
    """
    base = config.get("storePathRootDir")
    logs = config.get("storePathCommitLog") or (f"{base}/commitlog" if base else "")
    end = number(figures.get("commitLogMaxOffset", ""))
    return Store([path for path in logs.split(",") if path], f"{base}/lock" if base else None, end)


class _Disk(NamedTuple):
    name: str
    requests: int
    spent_ms: int
    in_flight: int
    weighted_ms: int


class _Look(NamedTuple):
    monotonic_ms: float
    wall_ms: int
    uptime: str | None
    dirty: int | None
    writeback: int | None
    faults: int | None
    switches: dict[str, int] | None
    pressure: dict[str, tuple[float, int]]
    disk: _Disk | None


class Host:
    """A machine below a root: this one, a copy of its proc, or a folder at which another's is mounted."""

    def __init__(self, root: Root) -> None:
        self._root = root
        #: proc/net is the network of who reads: of another host's proc, that of its first process is wanted.
        self._nets = ("proc/net",) if root.is_this_host else ("proc/1/net", "proc/net")

    def has(self, address: str) -> bool:
        """Whether something listens here at this address of a broker, HOST:PORT."""
        host, _, port = address.rpartition(":")
        return port.isdigit() and bool(self._listening(int(port))) and self._is_own(host.strip("[]"))

    def watch(self, target: str, address: str | None = None, store: Store | None = None) -> Watch:
        """Take the first look. Without an address it is of the machine alone."""
        port = (address or "").rpartition(":")[2]
        store = store or Store()
        pid = self._process(int(port), store) if port else None
        return Watch(self._root, target, pid, store)

    def _is_own(self, host: str) -> bool:
        name = self._root.words("proc/sys/kernel/hostname")
        if host == "localhost" or (isinstance(name, str) and name.partition(".")[0] == host.partition(".")[0]):
            return True
        for net in self._nets:
            own = self._own_addresses(net)
            if own:
                return (_packed(host) or host) in own
        return True  # the port has to do

    def _own_addresses(self, net: str) -> set[str]:
        """Of version 4 as they are written, of version 6 as the kernel has them, 32 hex digits."""
        own = {fields[0] for line in self._root.lines(f"{net}/if_inet6") if (fields := line.split())}
        last = ""
        for line in self._root.lines(f"{net}/fib_trie"):
            words = line.split()
            if words[:1] == ["|--"]:
                last = words[1]
            elif words[:1] == ["/32"] and words[-1] == "LOCAL":
                own.add(last)
        return own

    def _listening(self, port: int) -> list[str]:
        """The inodes of the sockets that listen on a port."""
        for net in self._nets:
            found = [
                fields[9]
                for table in ("tcp", "tcp6")
                for line in self._root.lines(f"{net}/{table}")[1:]
                if len(fields := line.split()) > 9
                and fields[3] == _LISTENS
                and int(fields[1].rpartition(":")[2], 16) == port
            ]
            if found:
                return found
        return []

    def _process(self, port: int, store: Store) -> int | None:
        """Who holds the listening socket, or, where another user's processes do not show that, the store's lock."""
        wanted = {f"socket:[{inode}]" for inode in self._listening(port)}
        for pid in self._root.names("proc"):
            if not pid.isdigit():
                continue
            for descriptor in self._root.names(f"proc/{pid}/fd"):
                try:
                    if os.readlink(self._root.place(f"proc/{pid}/fd/{descriptor}")) in wanted:
                        return int(pid)
                except OSError:
                    continue
        return self._holder(store.lock) if store.lock is not None and self._root.is_this_host else None

    def _holder(self, lock: str) -> int | None:
        """Who has locked a file, by /proc/locks, which everybody may read."""
        try:
            status = os.stat(lock)
        except OSError:
            return None
        place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        for line in self._root.lines("proc/locks"):
            fields = line.split()
            if place in fields and "->" not in fields:
                return number(fields[fields.index(place) - 1])
        return None


class Watch:
    """One broker's host, from the first look on."""

    def __init__(self, root: Root, target: str, pid: int | None, store: Store) -> None:
        self._root = root
        self._target = target
        self._pid = pid
        self._store = store
        self._first = self._look()

    def sample(self) -> HostSample:
        """Take the second look: what was between them."""
        first, last = self._first, self._look()
        this = self._root.is_this_host
        moving = this or (first.uptime is not None and first.uptime != last.uptime)
        elapsed = last.monotonic_ms - first.monotonic_ms
        made = HostSample(
            target=self._target,
            pid=self._pid,
            elapsed_millis=round(elapsed) if moving else None,
            dirty_bytes=_larger(first.dirty, last.dirty),
            writeback_bytes=_larger(first.writeback, last.writeback),
        )
        for kind in _PRESSURES:
            if kind in first.pressure and kind in last.pressure:
                waited_us = last.pressure[kind][1] - first.pressure[kind][1]
                share = min(waited_us / 10 / max(elapsed, 1), 100.0) if moving else last.pressure[kind][0]
                setattr(made, f"{kind}_pressure_percent", round(share, 2))
        if moving:
            made.major_faults = _difference(first.faults, last.faults)
            if first.switches is not None and last.switches is not None:
                before = first.switches
                made.context_switches = sum(count - before.get(task, 0) for task, count in last.switches.items())
        self._disk(made, first.disk, last.disk, elapsed if moving else None)
        if this:
            step = round(last.wall_ms - first.wall_ms - elapsed)
            made.clock_step_millis = step if abs(step) >= _LEAST_STEP_MS else 0
            self._resident(made)
        return made

    @staticmethod
    def _disk(made: HostSample, first: _Disk | None, last: _Disk | None, elapsed: float | None) -> None:
        if first is None or last is None:
            return
        made.disk = last.name
        if elapsed is None:
            made.disk_queue = float(last.in_flight)
            return
        made.disk_queue = round((last.weighted_ms - first.weighted_ms) / max(elapsed, 1), 2)
        requests = last.requests - first.requests
        if requests > 0:  # none, and nobody knows what one would have taken
            made.disk_latency_millis = round((last.spent_ms - first.spent_ms) / requests, 2)

    def _resident(self, made: HostSample) -> None:
        newest = self._newest()
        if newest is None:
            return
        path, written = newest
        made.commit_log_file = path
        share = resident_share(path, written)
        made.commit_log_resident_percent = None if share is None else round(share * 100, 1)

    def _newest(self) -> tuple[str, int | None] | None:
        """The commitlog file that is written to, and how much of it is; files are made before they are needed."""
        end = self._store.end
        files = [
            (int(name), f"{folder}/{name}")
            for folder in self._commit_logs()
            for name in self._root.names(folder)
            if len(name) == 20 and name.isdigit() and (end is None or int(name) < end)
        ]
        if not files:
            return None
        begin, name = max(files)
        return str(self._root.place(name)), None if end is None else end - begin

    def _commit_logs(self) -> Iterator[str]:
        """The folders below the root, as the process sees them where it lets us: it may be in a container."""
        for folder in self._store.commit_logs:
            own = f"proc/{self._pid}/root/{folder.lstrip('/')}"
            inside = self._pid is not None and bool(self._root.names(own))
            yield own if inside else folder.lstrip("/")

    def _look(self) -> _Look:
        root = self._root
        memory = dict(line.split(":", 1) for line in root.lines("proc/meminfo") if ":" in line)
        uptime = root.words("proc/uptime")
        pressure = {}
        for kind in _PRESSURES:
            text = root.read(f"proc/pressure/{kind}")
            match = _TOTAL.search(text) if isinstance(text, str) else None
            if match is not None:
                pressure[kind] = (float(match[1]), int(match[2]))
        return _Look(
            monotonic_ms=time.monotonic() * 1000,
            wall_ms=now_ms(),
            uptime=uptime if isinstance(uptime, str) else None,
            dirty=_bytes_of(memory.get("Dirty")),
            writeback=_bytes_of(memory.get("Writeback")),
            faults=self._faults(),
            switches=self._switches(),
            pressure=pressure,
            disk=self._device(),
        )

    def _faults(self) -> int | None:
        """majflt of proc/PID/stat, of all threads; the name before it may hold blanks and parentheses."""
        text = self._root.words(f"proc/{self._pid}/stat")
        fields = text.rpartition(")")[2].split() if isinstance(text, str) else []
        return number(fields[9]) if len(fields) > 9 else None

    def _switches(self) -> dict[str, int] | None:
        """Context switches by thread: proc/PID/status has those of the first thread alone."""
        found = {}
        for task in self._root.names(f"proc/{self._pid}/task"):
            counts = [
                number(line.split()[1])
                for line in self._root.lines(f"proc/{self._pid}/task/{task}/status")
                if line.startswith(("voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"))
            ]
            if len(counts) == 2 and None not in counts:
                found[task] = sum(count or 0 for count in counts)
        return found or None

    def _device(self) -> _Disk | None:
        """The disk of the store: by number, or by name where a file system has a number of its own (btrfs)."""
        mount = self._mount()
        if mount is None:
            return None
        place, source = mount
        by_name = None
        for line in self._root.lines("proc/diskstats"):
            fields = line.split()
            if len(fields) < 14 or not all(field.isdigit() for field in fields[3:14]):
                continue
            counts = [int(field) for field in fields[3:14]]
            disk = _Disk(fields[2], counts[0] + counts[4], counts[3] + counts[7], counts[8], counts[10])
            if f"{fields[0]}:{fields[1]}" == place:
                return disk
            if fields[2] == source:
                by_name = disk
        return by_name

    def _mount(self) -> tuple[str, str] | None:
        """Number and name of the device that the newest folder of the commitlog is on."""
        if not self._store.commit_logs:
            return None
        store = self._store.commit_logs[-1]
        best, found = -1, None
        for owner in (self._pid, 1, "self"):
            for line in self._root.lines(f"proc/{owner}/mountinfo"):
                left, _, right = line.partition(" - ")
                fields, more = left.split(), right.split()
                if len(fields) < 5 or len(more) < 2:
                    continue
                point = fields[4].replace("\\040", " ")
                if (store + "/").startswith(point.rstrip("/") + "/") and len(point) >= best:
                    best, found = len(point), (fields[2], more[1].rpartition("/")[2])
            if found is not None:
                break
        return found


def resident_share(path: str, length: int | None = None) -> float | None:
    """How much of the first `length` bytes of a file (default: of all) lies in the page cache, 0 to 1; None: unknown.

    Nothing is read of it. Since 5.2 Linux answers to who may not write a file that all of it is there
    (mm/mincore.c, can_do_mincore): the share is unknown then.
    """
    import ctypes
    import mmap

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() and not os.access(path, os.W_OK):
            return None
        size = min(status.st_size, status.st_size if length is None else length)
        if size <= 0:
            return None
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            return None
        try:
            pages = -(-size // mmap.PAGESIZE)
            held = ctypes.create_string_buffer(pages)
            if libc.mincore(address, size, held):
                return None
            return sum(page & 1 for page in held.raw) / pages
        finally:
            libc.munmap(address, size)
    except (OSError, AttributeError):
        return None
    finally:
        os.close(descriptor)


def _packed(host: str) -> str | None:
    """An address of version 6 as /proc/net/if_inet6 has it."""
    try:
        return socket.inet_pton(socket.AF_INET6, host).hex()
    except OSError:
        return None


def _bytes_of(text: str | None) -> int | None:
    words = (text or "").split()
    count = number(words[0]) if words else None
    return None if count is None else count * 1024


def _larger(first: int | None, second: int | None) -> int | None:
    return max((value for value in (first, second) if value is not None), default=None)


def _difference(first: int | None, last: int | None) -> int | None:
    return None if first is None or last is None or last < first else last - first


def _size(count: float) -> str:
    for unit, worth in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= worth:
            return f"{count / worth:.1f} {unit}"
    return f"{count:.0f} bytes"
