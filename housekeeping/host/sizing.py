"""How much heap and direct memory Apache's broker and name server should have on a host, as lines to paste.

Apache's scripts ask for 8 GiB of heap and 15 GiB of direct memory, 4 GiB for a name server (`runbroker.sh`,
`runserver.sh`), whatever the host has. What the JVMs do not take is the page cache that messages are read from.
"""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.housekeeping.host.facts import HostFacts

_MIB = 1 << 20
#: Metaspace, code and stacks of two JVMs, and the system itself, in MiB.
_OTHER = 512
#: The least memory with which both start, in MiB.
_LEAST = 1024
_BROKER_HEAP, _DIRECT, _NAMESRV_HEAP = 8192, 4096, 4096


class ApacheSizes(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Sizes in MiB; `memory` is what the host or the control group gives, `page_cache` what is left of it."""

    memory: int
    broker_heap: int
    broker_direct: int
    namesrv_heap: int
    page_cache: int
    lines: list[str]


def apache_sizes(facts: HostFacts) -> ApacheSizes:
    """Sizes for a broker and a name server on one host. Raises RocketMQError where they do not fit."""
    if facts.memory is None:
        raise RocketMQError("the host's memory is unknown: proc/meminfo cannot be read", "run it on the host itself")
    memory = facts.memory // _MIB
    if memory < _LEAST:
        raise RocketMQError(
            f"{memory} MiB are too little for Apache's broker and name server: they need {_LEAST} MiB or more",
            "raise the memory (of the control group, where it has a limit), or run mqbroker and mqnamesrv of this box",
        )
    free = memory - _OTHER
    heap = _rounded(min(free // 4, _BROKER_HEAP))
    direct = _rounded(min(free // 8, _DIRECT))
    namesrv = _rounded(min(free // 8, _NAMESRV_HEAP))
    return ApacheSizes(
        memory=memory,
        broker_heap=heap,
        broker_direct=direct,
        namesrv_heap=namesrv,
        page_cache=free - heap - direct - namesrv,
        lines=[
            "# in the environment of mqnamesrv",
            f'export JAVA_OPT_EXT="{_heap(namesrv)}"',
            "# in the environment of mqbroker (transientStorePoolEnable=true needs 5 GiB more of direct memory)",
            f'export JAVA_OPT_EXT="{_heap(heap)} -XX:MaxDirectMemorySize={direct}m"',
        ],
    )


def _rounded(mebibytes: int) -> int:
    return max(mebibytes // 32 * 32, 64)


def _heap(mebibytes: int) -> str:
    """Flags that override those of Apache's scripts, which set the young generation and regions for 8 GiB."""
    region = 1 if mebibytes < 2048 else 4 if mebibytes < 8192 else 16
    return f"-Xms{mebibytes}m -Xmx{mebibytes}m -Xmn{mebibytes // 2}m -XX:G1HeapRegionSize={region}m"
