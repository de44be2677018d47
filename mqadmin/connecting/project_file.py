"""A project's own settings: `.rocketmq-ops.yaml` in the working folder or the nearest one above it.

It names a profile, or name servers. Such a file is shared with others, and lies in folders that others made: it holds
no secret and cannot say where one is, and one that belongs to somebody else is refused, as git does with repositories.
"""

from __future__ import annotations

import os
from pathlib import Path

from rocketmq_ops.mqadmin.connecting.connection import ProfileError, Settings

FILE_NAME = ".rocketmq-ops.yaml"
KNOWN_KEYS = ("profile", "namesrv", "timeoutMs", "addressMap", "tls")
#: Root may lead anybody anywhere.
_TRUSTED_UID = 0


def find() -> Path | None:
    """The nearest project file, from the working folder upwards; None without any."""
    try:
        folder = os.getcwd()
    except OSError:  # the working folder was deleted
        return None
    while True:
        path = os.path.join(folder, FILE_NAME)
        if os.path.isfile(path):
            return Path(path)
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def read(path: Path) -> str | Settings:
    """The name of the profile that it chooses, or what it says itself. Raises ProfileError."""
    from rocketmq_ops.mqadmin.connecting.profile_file import (
        SECRET_KEYS,
        address_map_of,
        addresses_of,
        read_yaml,
        timeout_of,
        tls_of,
    )

    _require_trusted(path)
    document = read_yaml(path)
    for key in document:
        if key in ("accessKey", *SECRET_KEYS):
            raise ProfileError(
                f"{path} has '{key}': a project file may not hold credentials",
                "write them to a profile of yours, and its name here as `profile`",
            )
        if key not in KNOWN_KEYS:
            raise ProfileError(f"{path} has an unknown key '{key}'", f"known are {', '.join(KNOWN_KEYS)}")
    if "profile" in document:
        if len(document) > 1:
            raise ProfileError(f"{path} names a profile and more", "give a profile, or namesrv and what goes with it")
        return str(document["profile"])
    origin = str(path)
    return Settings(
        name_servers=addresses_of(document, origin),
        origin=origin,
        timeout_ms=timeout_of(document, origin),
        address_map=address_map_of(document, origin),
        tls=tls_of(document),
    )


def _require_trusted(path: Path) -> None:
    if os.name == "posix" and (owner := path.stat().st_uid) not in (os.getuid(), _TRUSTED_UID):
        raise ProfileError(
            f"{path} belongs to another user (uid {owner}), who could lead you to another cluster",
            "pass -n HOST:PORT or --profile, or own the file",
        )
