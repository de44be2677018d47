"""Whose a connection is: by the socket that a process has open."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

#: The place of one end of a connection.
Place = tuple[str, int]


def places_of(pid: int) -> set[Place]:
    """The near ends of all TCP connections over IPv4 that a process has; none of one that has ended."""
    sockets = _sockets(pid)
    if not sockets:
        return set()
    table = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {_place(line[1]) for line in table if line[9] in sockets}


def _sockets(pid: int) -> set[str]:
    """The numbers of its sockets."""
    found = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                opened = os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                continue  # closed meanwhile
            if opened.startswith("socket:["):
                found.add(opened.removeprefix("socket:[").removesuffix("]"))
    except (FileNotFoundError, PermissionError):  # it has ended
        return set()
    return found


def _place(text: str) -> Place:
    """As the kernel writes it: `0100007F:1F90` is 127.0.0.1:8080."""
    host, port = text.split(":")
    return socket.inet_ntoa(struct.pack("=I", int(host, 16))), int(port, 16)
