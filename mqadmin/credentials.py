"""From settings to a connection: the secret key is read where the settings say that it is."""

from __future__ import annotations

import os
from pathlib import Path

from rocketmq_ops.mqadmin.connection import Connection, ProfileError, Secret, Settings


def connection_of(settings: Settings) -> Connection:
    """Where to connect and as whom. Raises ProfileError when the secret key cannot be had."""
    return Connection(
        settings.name_servers,
        settings.origin,
        timeout_ms=settings.timeout_ms,
        access_key=settings.access_key,
        secret_key=_secret_key(settings, settings.secret) if settings.secret is not None else None,
        profile=settings.profile,
    )


def _secret_key(settings: Settings, secret: Secret) -> str:
    if secret.kind == "env":
        found = os.environ.get(secret.where)
        if found is None:
            raise ProfileError(
                f"{settings.origin} takes its secret key from {secret.where}, which is not set", "set it"
            )
    elif secret.kind == "prompt":
        found = asked(f"secret key of '{settings.access_key}'")
    elif secret.kind == "file":
        from rocketmq_ops.mqadmin.private_file import read_private

        found = read_private(Path(secret.where).expanduser())
    else:
        from rocketmq_ops.mqadmin.private_file import require_private
        from rocketmq_ops.mqadmin.profile_file import ProfileFile

        require_private(Path(secret.where))
        file = ProfileFile.read(Path(secret.where))
        found = str(file.entry(settings.profile)["secretKey"]) if file and settings.profile else ""
    found = found.strip()
    if not found:
        raise ProfileError(f"the secret key of {settings.origin} is empty", f"it is taken from: {secret}")
    return found


def asked(what: str) -> str:
    """What somebody types at the terminal, unseen. Raises ProfileError without a terminal."""
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise ProfileError(f"the {what} has to be typed, and there is no terminal", "give it in a file or a variable")
    return getpass.getpass(f"{what}: ")
