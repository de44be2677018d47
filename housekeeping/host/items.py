"""The items of a host: each with what is, what is wanted, and whether that is to be changed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from rocketmq_ops.housekeeping.host.catalogue import KERNEL, declared_of
from rocketmq_ops.housekeeping.host.facts import HostFacts, facts_of
from rocketmq_ops.housekeeping.host.root import Gap, Root, number
from rocketmq_ops.housekeeping.host.rules import State, Verdict, gap, judge, judged

#: The least that a broker in a container should have, in MiB, and in hundredths of a CPU.
_LEAST_MIB = 4096
_LEAST_CPU = 200
_KERNEL = (3, 10)
_OPEN_FILES = 655350
_PROCESSES = 32768
_CLOCKS = "tsc|kvm-clock|hyperv_clocksource_tsc_page|arch_sys_counter|stp|timebase|tod"
_CLOCK_KEEPERS = {
    "run/systemd/timesync/synchronized": "systemd-timesyncd",
    "run/chrony/chronyd.pid": "chronyd",
    "run/chronyd.pid": "chronyd",
    "run/ntpd.pid": "ntpd",
}
_NO_DISKS = ("loop", "ram", "zram", "sr", "fd", "nbd", "mtdblock")
#: Schedulers that suit, those to be set first; the second names are of kernels before 5.0.
_FAST = ("none", "noop", "mq-deadline", "deadline", "kyber")
_ROTATING = ("mq-deadline", "deadline")
_NO_DATA_TYPES = ("squashfs", "iso9660", "udf", "vfat", "devtmpfs", "swap")
_NO_DATA_PLACES = ("/boot", "/snap", "/etc", "/proc", "/sys", "/dev", "/run", "/usr")
_TYPES = "ext4|xfs"
_LOCKED_MEMORY = "limit.memlock"


class Item(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One item. `current` is `missing` or `unreadable` where there is no value.

    `value` is what the drop-in file sets; empty where none can, and `hand` then says what to do.
    """

    id: str
    state: State
    current: str
    wanted: str
    why: str
    source: str
    risk: str
    value: str
    hand: str


def is_for_broker_to_judge(item: Item) -> bool:
    """Whether it is a limit of locked memory, which counts where a broker's settings lock any."""
    return item.id == _LOCKED_MEMORY and item.state is State.UNKNOWN and item.current != Gap.UNREADABLE.value


def items_of(root: Root, store: str | None = None, facts: HostFacts | None = None) -> list[Item]:
    """All items, in the catalogue's order. `store` is the broker's folder, whose mount alone is then looked at."""
    found = facts_of(root) if facts is None else facts
    return [_item(name, verdict) for name, verdict in _verdicts(root, found, store)]


def store_place(root: Root, store: str | None) -> str | None:
    """The folder of a store as the table of mounts has it: on this machine without symbolic links."""
    return os.path.realpath(store) if store is not None and root.is_this_host and os.path.isdir(store) else store


def _item(name: str, verdict: Verdict) -> Item:
    declared = declared_of(name)
    return Item(
        id=name,
        state=verdict.state,
        current=verdict.current,
        wanted=verdict.wanted,
        why=declared.why,
        source=declared.source,
        risk=declared.risk,
        value=verdict.value,
        hand=declared.hand,
    )


def _verdicts(root: Root, facts: HostFacts, store: str | None) -> Iterator[tuple[str, Verdict]]:
    yield "kernel.version", _kernel(facts)
    yield "cgroup.memory", _group_memory(facts)
    yield "cgroup.cpu", _group_cpu(facts)
    yield "memory.swap", _swap(root, facts)
    yield "memory.hugepages", _huge_pages(root)
    for declared in KERNEL:
        yield declared.id, judge(declared.rule, declared.id, root, facts)
    yield "thp.enabled", _transparent(root, "enabled", "madvise|never")
    yield "thp.defrag", _transparent(root, "defrag", "madvise|defer|defer+madvise|never")
    yield "limit.nofile", _open_files(root)
    yield "limit.nproc", _processes(root)
    yield _LOCKED_MEMORY, _locked_memory(root)
    yield "clock.source", _clock_source(root)
    yield "clock.sync", _clock_sync(root, facts)
    yield from _disks(root, facts)
    yield from _mounts(root, store)


def _kernel(facts: HostFacts) -> Verdict:
    wanted = f">={_KERNEL[0]}.{_KERNEL[1]}"
    if facts.kernel is None:
        return gap(Gap.UNREADABLE, wanted)
    major, _, rest = facts.kernel.partition(".")
    minor = rest.split(".")[0].split("-")[0].split("+")[0]
    parts = number(major), number(minor)
    if parts[0] is None or parts[1] is None:
        return Verdict(State.UNKNOWN, facts.kernel, wanted)
    return Verdict(judged((parts[0], parts[1]) >= _KERNEL), facts.kernel, wanted)


def _group_memory(facts: HostFacts) -> Verdict:
    wanted = f">={_LEAST_MIB} MiB"
    if facts.memory_limit is None:
        return Verdict(State.NA, "none", wanted)
    found = facts.memory_limit // (1 << 20)
    return Verdict(judged(found >= _LEAST_MIB), f"{found} MiB", wanted)


def _group_cpu(facts: HostFacts) -> Verdict:
    wanted = f">={_LEAST_CPU // 100} CPUs"
    if facts.cpu_limit is None:
        return Verdict(State.NA, "none", wanted)
    whole, part = divmod(facts.cpu_limit, 100)
    return Verdict(judged(facts.cpu_limit >= _LEAST_CPU), f"{whole}.{part:02} CPUs", wanted)


def _swap(root: Root, facts: HostFacts) -> Verdict:
    wanted = "0 KiB, or vm.swappiness 1..10"
    if facts.swap_kb is None:
        return gap(Gap.UNREADABLE, wanted)
    current = f"{facts.swap_kb} KiB"
    if not facts.swap_kb:
        return Verdict(State.OK, current, wanted)
    swappiness = root.number("proc/sys/vm/swappiness")
    if swappiness is None:
        return Verdict(State.UNKNOWN, current, wanted)
    return Verdict(judged(1 <= swappiness <= 10), current, wanted)


def _huge_pages(root: Root) -> Verdict:
    for line in root.lines("proc/meminfo"):
        if line.startswith("HugePages_Total:"):
            found = number(line.partition(":")[2].strip())
            if found is not None:
                return Verdict(judged(found == 0), str(found), "0")
    return gap(Gap.UNREADABLE, "0")


def chosen(text: str) -> str | None:
    """The word in brackets: the one of several that is set (`always [madvise] never`)."""
    return next((word[1:-1] for word in text.split() if word.startswith("[") and word.endswith("]")), None)


def _transparent(root: Root, name: str, wanted: str) -> Verdict:
    text = root.words(f"sys/kernel/mm/transparent_hugepage/{name}")
    if isinstance(text, Gap):
        missing = not root.exists("sys/kernel/mm/transparent_hugepage") and root.exists("sys/kernel/mm")
        return gap(Gap.MISSING if missing else text, wanted)
    current = chosen(text)
    if current is None:
        return Verdict(State.UNKNOWN, text, wanted)
    return Verdict(judged(current in wanted.split("|")), current, wanted, "madvise")


def _limits(root: Root, title: str) -> tuple[str, str] | Gap:
    """A limit of this very process: the soft one and the hard one."""
    for line in root.lines("proc/self/limits"):
        if line.startswith(title + " "):
            words = line[len(title) :].split()
            if len(words) >= 2:
                return words[0], words[1]
            break
    return Gap.UNREADABLE


def _limit(current: str, least: int, value: str) -> Verdict:
    found = number(current)
    if current != "unlimited" and found is None:
        return Verdict(State.UNKNOWN, current, f">={least}")
    return Verdict(judged(found is None or found >= least), current, f">={least}", value)


def _open_files(root: Root) -> Verdict:
    limits = _limits(root, "Max open files")
    if isinstance(limits, Gap):
        return gap(limits, f">={_OPEN_FILES}")
    return _limit(limits[1], _OPEN_FILES, str(_OPEN_FILES))


def _processes(root: Root) -> Verdict:
    """The soft limit counts, as nobody raises it; the value is that and the hard one, which is never lowered."""
    limits = _limits(root, "Max processes")
    if isinstance(limits, Gap):
        return gap(limits, f">={_PROCESSES}")
    soft, hard = limits
    found = number(hard)
    keeps = hard == "unlimited" or (found is not None and found > _PROCESSES)
    return _limit(soft, _PROCESSES, f"{_PROCESSES}:{hard if keeps else _PROCESSES}")


def _locked_memory(root: Root) -> Verdict:
    limits = _limits(root, "Max locked memory")
    if isinstance(limits, Gap):
        return gap(limits, "unlimited")
    current = limits[1]
    return Verdict(State.OK if current == "unlimited" else State.UNKNOWN, current, "unlimited")


def _clock_source(root: Root) -> Verdict:
    current = root.words("sys/devices/system/clocksource/clocksource0/current_clocksource")
    if isinstance(current, Gap):
        return gap(current, _CLOCKS)
    return Verdict(judged(current in _CLOCKS.split("|")), current, _CLOCKS)


def _clock_sync(root: Root, facts: HostFacts) -> Verdict:
    if facts.container:
        return Verdict(State.NA, "the host's", "synchronized")
    for name, keeper in _CLOCK_KEEPERS.items():
        if root.exists(name):
            return Verdict(State.OK, keeper, "synchronized")
    return Verdict(State.UNKNOWN, "missing", "synchronized")


def _disks(root: Root, facts: HostFacts) -> Iterator[tuple[str, Verdict]]:
    disks = [name for name in root.names("sys/block") if not name.startswith((*_NO_DISKS, "."))]
    if not disks:
        yield "disk.scheduler", gap(Gap.UNREADABLE, "|".join(_FAST))
        yield "disk.read-ahead", gap(Gap.UNREADABLE, "16..256")
    for disk in disks:
        rotating = _rotating(root, disk, facts)
        yield f"disk.scheduler:{disk}", _scheduler(root, disk, rotating)
        yield f"disk.read-ahead:{disk}", _read_ahead(root, disk, rotating)


def _rotating(root: Root, disk: str, facts: HostFacts) -> bool | None:
    """Whether the disk has to move its heads. Of a virtual disk this kernel cannot know, and need not."""
    if facts.virtual or disk.startswith(("nvme", "vd", "xvd", "pmem")):
        return False
    text = root.words(f"sys/block/{disk}/queue/rotational")
    return {"0": False, "1": True}.get(text) if isinstance(text, str) else None


def _scheduler(root: Root, disk: str, rotating: bool | None) -> Verdict:
    suiting = _ROTATING if rotating else _FAST
    wanted = "|".join(suiting)
    text = root.words(f"sys/block/{disk}/queue/scheduler")
    if isinstance(text, Gap):
        return gap(text, wanted)
    current = chosen(text)
    if current is None:  # a device over others has no queue of its own
        return Verdict(State.NA, text, wanted)
    if rotating is None:
        return Verdict(State.UNKNOWN, current, wanted)
    offered = text.replace("[", "").replace("]", "").split()
    value = next((name for name in suiting if name in offered), "")
    if current in suiting:
        return Verdict(State.OK, current, wanted, value)
    return Verdict(State.CHANGE if value else State.NA, current, wanted, value)


def _read_ahead(root: Root, disk: str, rotating: bool | None) -> Verdict:
    low, high, value = (128, 1024, 256) if rotating else (16, 256, 128)
    wanted = f"{low}..{high}"
    current = root.words(f"sys/block/{disk}/queue/read_ahead_kb")
    if isinstance(current, Gap):
        return gap(current, wanted)
    found = number(current)
    if found is None or rotating is None:
        return Verdict(State.UNKNOWN, current, wanted)
    return Verdict(judged(low <= found <= high), current, wanted, str(value))


def _mounts(root: Root, store: str | None) -> Iterator[tuple[str, Verdict]]:
    lines = [line.split() for line in root.lines("proc/mounts")]
    mounts = [fields for fields in lines if len(fields) >= 4]
    last = {fields[1]: at for at, fields in enumerate(mounts)}  # it hides those before on the same folder
    mounts = [fields for at, fields in enumerate(mounts) if last[fields[1]] == at]
    if store is not None:
        mounts = _mount_of(mounts, store)
    else:
        mounts = [fields for fields in mounts if _holds_data(*fields[:3])]
    if not mounts:
        yield "mount.type", gap(Gap.UNREADABLE, _TYPES)
    for _, place, kind, options, *_ in mounts:
        given = options.split(",")
        yield f"mount.type:{place}", Verdict(judged(kind in _TYPES.split("|")), kind, _TYPES)
        atime = next((word for word in ("noatime", "relatime") if word in given), "strictatime")
        yield f"mount.atime:{place}", Verdict(judged(atime != "strictatime"), atime, "noatime|relatime")
        barrier = "off" if "nobarrier" in given or "barrier=0" in given else "on"
        yield f"mount.barrier:{place}", Verdict(judged(barrier == "on"), barrier, "on")
        sync = "sync" if "sync" in given else "async"
        yield f"mount.sync:{place}", Verdict(judged(sync == "async"), sync, "async")


def _holds_data(device: str, place: str, kind: str) -> bool:
    return (
        device.startswith("/dev/")
        and not device.startswith("/dev/loop")
        and kind not in _NO_DATA_TYPES
        and not any(place == folder or place.startswith(folder + "/") for folder in _NO_DATA_PLACES)
    )


def _mount_of(mounts: list[list[str]], store: str) -> list[list[str]]:
    """The mount that a folder lies in: the longest place."""
    best: list[list[str]] = []
    folder = os.path.join(store, "")
    for fields in mounts:
        place = fields[1] if fields[1] == "/" else fields[1] + "/"
        if folder.startswith(place) and (not best or len(fields[1]) > len(best[0][1])):
            best = [fields]
    return best
