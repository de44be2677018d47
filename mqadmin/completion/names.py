"""Live names for completion: topics, groups, clusters, brokers, their addresses, configuration keys, and profiles.

They are kept a minute in a file of the user's cache folder for each way of naming a cluster. Whoever finds it old uses
it once more and has a process of its own fetch it anew; only when there is nothing yet that is waited for a moment.
A cluster that does not answer is asked again after some seconds; no Tab waits for it.
"""

from __future__ import annotations

import os
import sys
import zlib

from rocketmq_ops.common.clock import now_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rocketmq_ops.client.admin import MQAdmin

#: s for which names are used without being fetched anew; after a fetch that failed; and that a fetch may take.
FRESH_SECONDS, RETRY_SECONDS, FETCH_SECONDS = 60, 10, 5
#: ms that a Tab waits for the first names.
WAIT_MS = 50
_REQUEST_TIMEOUT_MS = 1500
#: Of the environment, what says which cluster is meant.
_VARIABLES = (
    "ROCKETMQ_OPS_PROFILE",
    "NAMESRV_ADDR",
    "ROCKETMQ_OPS_PROFILES",
    "ROCKETMQ_OPS_ADDRESS_MAP",
    "ROCKETMQ_OPS_TLS",
)
_RETRY_PREFIX = "%RETRY%"

Names = dict[str, list[str]]


def live(namesrv: str | None, profile: str | None) -> Mapping[str, list[str]]:
    """The names, by kind, in the cluster that these options or the settings lead to: those known, without asking it."""
    key = _key(namesrv, profile)
    path = os.path.join(cache_folder(), f"{zlib.crc32(key.encode()):08x}{zlib.adler32(key.encode()):08x}.names")
    known = _read(path, key)
    if known is not None and known[1]:
        return known[0]
    if _fetch_beside(path, key, namesrv, profile) and known is None:
        known = _wait(path, key)
    return known[0] if known is not None else {}


def cache_folder() -> str:
    """The folder of this user's caches (XDG on Unix, Library/Caches on macOS)."""
    base = os.environ.get("XDG_CACHE_HOME")
    if not base:
        home = os.path.expanduser("~")
        base = os.path.join(home, "Library", "Caches") if sys.platform == "darwin" else os.path.join(home, ".cache")
    return os.path.join(base, "rocketmq-ops", "completion")


def _key(namesrv: str | None, profile: str | None) -> str:
    """What says which cluster is meant. The settings' files are not read, for that takes too long."""
    parts = [namesrv or "", profile or "", *(os.environ.get(name, "") for name in _VARIABLES)]
    if not namesrv:
        try:
            parts.append(os.getcwd())  # a project file lies there or above
        except OSError:
            parts.append("")
    return " ".join(part.replace("\n", " ") for part in parts)


def _read(path: str, key: str) -> tuple[Names, bool] | None:
    """The names of a file and whether they are fresh; None when it has none for this key."""
    try:
        with open(path, encoding="utf-8") as file:
            first, state, *lines = file.read().split("\n")
            age_ms = now_ms() - os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    except (OSError, ValueError):
        return None
    if first != key:
        return None
    found: Names = {}
    for line in lines:
        kind, _, name = line.partition("\t")
        if name:
            found.setdefault(kind, []).append(name)
    return found, 0 <= age_ms < (FRESH_SECONDS if state == "ok" else RETRY_SECONDS) * 1000


def _wait(path: str, key: str) -> tuple[Names, bool] | None:
    from time import monotonic, sleep

    until = monotonic() + WAIT_MS / 1000
    while monotonic() < until:
        sleep(0.005)
        if (known := _read(path, key)) is not None:
            return known
    return None


def _fetch_beside(path: str, key: str, namesrv: str | None, profile: str | None) -> bool:
    """Fetch the names in a process that nobody waits for, unless one does already; whether it was started."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _take(path + ".lock")
    except OSError:
        return False
    if child := os.fork():
        os.waitpid(child, 0)
        return True
    if os.fork():  # so that whoever goes on, as a shell does, has no dead child
        os._exit(0)
    try:  # nothing of the caller may be held open: a shell reads until the last writer is gone
        import signal

        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.closerange(3, 256)
        signal.alarm(FETCH_SECONDS)
        _write(path, key, *fetch(namesrv, profile), previous=_read(path, key))
    finally:
        try:
            os.unlink(path + ".lock")
        finally:
            os._exit(0)


def _take(lock: str) -> None:
    """Make the lock file, or take over one whose process cannot live any more. Raises OSError when another fetches."""
    try:
        age_ms = now_ms() - os.stat(lock).st_mtime_ns // 1_000_000
        if not 0 <= age_ms < 2 * FETCH_SECONDS * 1000:
            os.unlink(lock)
    except FileNotFoundError:
        pass
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _write(path: str, key: str, names: Names, complete: bool, *, previous: tuple[Names, bool] | None) -> None:
    if previous is not None and not complete:
        names = previous[0] | {kind: found for kind, found in names.items() if found}
    lines = [key, "ok" if complete else "failed"]
    lines += [f"{kind}\t{name}" for kind, found in names.items() for name in found]
    temporary = f"{path}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    os.replace(temporary, path)


def fetch(namesrv: str | None, profile: str | None) -> tuple[Names, bool]:
    """The names of all kinds, asked of the cluster, and whether it answered. Raises nothing of ours."""
    from rocketmq_ops.common.errors import RocketMQError
    from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile

    names: Names = {}
    try:
        file = ProfileFile.read()
        names["profile"] = file.names if file is not None else []
        import asyncio

        from rocketmq_ops.client.admin import MQAdmin
        from rocketmq_ops.mqadmin.connecting.profiles import resolve

        connection = resolve(namesrv, profile)
        admin = MQAdmin(
            connection.name_servers,
            timeout_ms=_REQUEST_TIMEOUT_MS,
            access_key=connection.access_key,
            secret_key=connection.secret_key,
            address_map=connection.address_map,
            tls=connection.tls,
        )
        asyncio.run(_of_cluster(admin, names))
    except RocketMQError:
        return names, False
    return names, True


async def _of_cluster(admin: MQAdmin, names: Names) -> None:
    from rocketmq_ops.client.api import servers, topics
    from rocketmq_ops.common.errors import RocketMQError

    async with admin:
        session = admin.session
        names["topic"] = await topics.topic_names(session)
        names["group"] = [name.removeprefix(_RETRY_PREFIX) for name in names["topic"] if name.startswith(_RETRY_PREFIX)]
        info = await servers.cluster_info(session)
        names["cluster"] = sorted(info.cluster_addr_table)
        names["broker"] = sorted(info.broker_addr_table)
        brokers = [address for data in info.broker_addr_table.values() for address in data.broker_addrs.values()]
        names["address"] = sorted(brokers)
        for kind, ask, addresses in (
            ("brokerConfig", servers.broker_config, brokers),
            ("namesrvConfig", servers.namesrv_config, admin.name_servers),
        ):
            for address in addresses[:1]:
                try:
                    text = await ask(session, address)
                except RocketMQError:
                    continue
                names[kind] = sorted({line.partition("=")[0].strip() for line in text.splitlines() if "=" in line})
