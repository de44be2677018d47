"""Which process holds a port or a file, for the messages of a server that finds it taken. Looked for when it is, only.

Other users' processes may hide what they hold; the result is then empty.
"""

from __future__ import annotations

import os
from contextlib import suppress

from rocketmq_ops.common.addresses import EVERY_ADDRESS, resolve_host
from rocketmq_ops.common.errors import RocketMQError


def holder_of_port(host: str, port: int) -> str:
    """` by mqbroker (process 123)` for the process whose socket keeps others from listening there; empty when none is
    seen: one that listens, else one with a connection from that port.
    """
    import psutil

    with suppress(RocketMQError, psutil.Error, OSError):
        ours = {resolve_host(host), *EVERY_ADDRESS}
        found = [
            (connection.status != psutil.CONN_LISTEN, connection.pid)
            for connection in psutil.net_connections("tcp")
            if connection.pid and connection.laddr and connection.laddr.port == port
            if host in EVERY_ADDRESS or connection.laddr.ip.removeprefix("::ffff:") in ours
        ]
        if found:
            return _named(min(found)[1])
    return ""


def holder_of_file(path: str, likely: int | None = None) -> str:
    """` by mqbroker (process 123)` for a process that has a file open; empty when none is seen.

    The process `likely` is examined first, for there may be thousands.
    """
    import psutil

    wanted = os.path.realpath(path)
    others = (pid for pid in psutil.pids() if pid not in (likely, os.getpid()))
    for pid in [*([likely] if likely else []), *others]:
        try:
            if any(file.path == wanted for file in psutil.Process(pid).open_files()):
                return _named(pid)
        except (psutil.Error, OSError) as error:
            if pid == likely and isinstance(error, psutil.AccessDenied):
                return _named(pid)
    return ""


def _named(pid: int) -> str:
    import psutil

    if pid == os.getpid():
        return f" by this process ({pid}) itself"
    with suppress(psutil.Error):
        return f" by {psutil.Process(pid).name()} (process {pid})"
    return f" by process {pid}"
