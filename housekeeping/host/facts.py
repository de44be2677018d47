"""What kind of host it is: kernel, memory, limits of the control group, container, virtual machine."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rocketmq_ops.housekeeping.host.root import LARGEST, Root, number

_CONTAINER_FILES = (
    ".dockerenv",
    "run/.containerenv",
    "run/systemd/container",
    "var/run/secrets/kubernetes.io",
)
_CONTAINER_GROUPS = ("docker", "kubepods", "lxc", "containerd", "libpod")
_VIRTUAL_PRODUCTS = ("KVM", "QEMU", "Virtual", "VMware", "HVM", "Google Compute Engine")


class HostFacts(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What the items depend on. None is unknown, or for a limit that there is none.

    `memory_kb` and `swap_kb` are of the machine, in KiB; `memory_limit` is the control group's, in bytes, and
    `cpu_limit` its share of CPUs in hundredths.
    """

    kernel: str | None
    memory_kb: int | None
    swap_kb: int | None
    memory_limit: int | None
    cpu_limit: int | None
    container: bool
    virtual: bool

    @property
    def memory(self) -> int | None:
        """Bytes that processes here can have: the machine's, or the control group's limit."""
        if self.memory_kb is None:
            return self.memory_limit
        return min(self.memory_kb * 1024, self.memory_limit or LARGEST)


def facts_of(root: Root) -> HostFacts:
    """The facts of a host; what cannot be read is unknown."""
    meminfo = dict(line.split(":", 1) for line in root.lines("proc/meminfo") if ":" in line)
    kernel = root.words("proc/sys/kernel/osrelease")
    memory_kb = _kilobytes(meminfo.get("MemTotal"))
    return HostFacts(
        kernel=kernel if isinstance(kernel, str) else None,
        memory_kb=memory_kb,
        swap_kb=_kilobytes(meminfo.get("SwapTotal")),
        memory_limit=_memory_limit(root, memory_kb),
        cpu_limit=_cpu_limit(root),
        container=_in_container(root),
        virtual=_is_virtual(root),
    )


def _kilobytes(text: str | None) -> int | None:
    words = (text or "").split()
    return number(words[0]) if words else None


def _memory_limit(root: Root, memory_kb: int | None) -> int | None:
    """The least of the group's own limits and those of its parents; a limit above the machine's memory is none.

    Above `memory.high` the group is slowed down until its page cache is gone.
    """
    limits = [
        value
        for folder in _groups(root, "memory")
        for file in ("memory.max", "memory.high", "memory.limit_in_bytes")
        if (value := root.number(f"{folder}/{file}")) is not None
    ]
    least = min(limits, default=LARGEST)
    machine = LARGEST if memory_kb is None else memory_kb * 1024
    return least if least < min(machine, 1 << 60) else None


def _cpu_limit(root: Root) -> int | None:
    limits = []
    for folder in _groups(root, "cpu"):
        text = root.words(f"{folder}/cpu.max")
        words = text.split() if isinstance(text, str) else []
        quota = number(words[0]) if len(words) == 2 else root.number(f"{folder}/cpu.cfs_quota_us")
        period = number(words[1]) if len(words) == 2 else root.number(f"{folder}/cpu.cfs_period_us")
        if quota and period:
            limits.append(quota * 100 // period)
    return min(limits, default=None)


def _groups(root: Root, controller: str) -> Iterator[str]:
    """The folders of this process's control group and of its parents, of version 2 or of a controller of version 1.

    The root's own folder has limits only where a container sees its group as the root.
    """
    unified = root.exists("sys/fs/cgroup/cgroup.controllers")
    base = "sys/fs/cgroup" if unified else f"sys/fs/cgroup/{controller}"
    if controller == "cpu" and not unified and not root.exists(base):
        base = "sys/fs/cgroup/cpu,cpuacct"
    path = ""
    for line in root.lines("proc/self/cgroup"):
        fields = line.split(":", 2)
        if len(fields) == 3 and ((unified and not fields[1]) or (not unified and controller in fields[1].split(","))):
            path = fields[2].rstrip("/")
    if ".." in path:  # outside of what this namespace shows
        path = ""
    while path:
        yield base + path
        path = path.rpartition("/")[0]
    yield base


def _in_container(root: Root) -> bool:
    if any(root.exists(name) for name in _CONTAINER_FILES):
        return True
    groups = root.read("proc/1/cgroup")
    if isinstance(groups, str) and any(word in groups for word in _CONTAINER_GROUPS):
        return True
    for line in root.lines("proc/self/mountinfo"):  # engines mount the kernel's settings for reading only
        fields = line.split()
        if len(fields) > 5 and fields[4] == "/proc/sys" and "ro" in fields[5].split(","):
            return True
    return False


def _is_virtual(root: Root) -> bool:
    for line in root.lines("proc/cpuinfo"):
        if line.startswith(("flags", "Features")):
            if "hypervisor" in line.split():
                return True
            break
    if isinstance(root.words("sys/hypervisor/type"), str):
        return True
    product = root.words("sys/class/dmi/id/product_name")
    return isinstance(product, str) and any(word in product for word in _VIRTUAL_PRODUCTS)
