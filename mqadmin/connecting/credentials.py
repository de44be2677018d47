"""As whom a command asks. The first of these that is there gives the keys of the ACL:

`--credentials`; the profile in use; the environment's ROCKETMQ_OPS_ACCESS_KEY and ROCKETMQ_OPS_SECRET_KEY; and, as for
Apache's tool (MQAdminStartup, AclUtils.getAclRPCHook), tools.yml in the folder conf of ROCKETMQ_HOME. The secret key is
read when something connects, and is in no output, error or log.
"""

from __future__ import annotations

import os
from pathlib import Path

from rocketmq_ops.mqadmin.connecting.connection import Connection, ProfileError, Secret, Settings

ACCESS_VARIABLE = "ROCKETMQ_OPS_ACCESS_KEY"
SECRET_VARIABLE = "ROCKETMQ_OPS_SECRET_KEY"


def with_credentials(settings: Settings, given: str | None) -> Settings:
    """The settings with the keys' whereabouts; `given` is the value of `--credentials`. Raises ProfileError."""
    if given is not None:
        if given == "-":
            return _with(settings, asked("access key", hidden=False), Secret("prompt", ""))
        from rocketmq_ops.mqadmin.connecting.private_file import require_private

        path = Path(given).expanduser()
        require_private(path)
        access_key, secret_key = _keys_of(path)
        if not access_key or not secret_key:
            raise ProfileError(
                f"{path} has no accessKey or no secretKey", "write both into it, as `accessKey: ...` lines"
            )
        return _with(settings, access_key, Secret("keys", str(path)))
    if settings.access_key is not None:
        return settings
    access_key = os.environ.get(ACCESS_VARIABLE, "").strip()
    if access_key:
        return _with(settings, access_key, Secret("env", SECRET_VARIABLE))
    return _of_apaches_tools(settings)


def _of_apaches_tools(settings: Settings) -> Settings:
    """With the keys of Apache's own tool; without any when it would use none.

    Others may read that file: Apache's distribution has it so.
    """
    home = os.environ.get("ROCKETMQ_HOME")
    path = Path(home, "conf", "tools.yml") if home else None
    if path is None or not path.is_file():
        return settings
    access_key, secret_key = _keys_of(path)
    return _with(settings, access_key, Secret("keys", str(path))) if access_key and secret_key else settings


def _with(settings: Settings, access_key: str, secret: Secret) -> Settings:
    import msgspec

    return msgspec.structs.replace(settings, access_key=access_key, secret=secret)


def _keys_of(path: Path) -> tuple[str, str]:
    """`accessKey` and `secretKey` of a YAML file, "" for what it lacks. Raises ProfileError."""
    from rocketmq_ops.mqadmin.connecting.profile_file import read_yaml

    document = read_yaml(path, "give the keys with --credentials")
    return _text(document.get("accessKey")), _text(document.get("secretKey"))


def _text(value: object) -> str:
    """A YAML value as Java makes text of it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value).strip()


def connection_of(settings: Settings) -> Connection:
    """Where to connect and as whom. Raises ProfileError when the secret key cannot be had."""
    return Connection(
        settings.name_servers,
        settings.origin,
        timeout_ms=settings.timeout_ms,
        access_key=settings.access_key,
        secret_key=_secret_key(settings, settings.secret) if settings.secret is not None else None,
        profile=settings.profile,
        address_map=settings.address_map,
        tls=settings.tls,
    )


def _secret_key(settings: Settings, secret: Secret) -> str:
    if secret.kind == "env":
        found = os.environ.get(secret.where)
        if found is None:
            raise ProfileError(f"the secret key shall come from {secret.where}, which is not set", "set it")
    elif secret.kind == "prompt":
        found = asked(f"secret key of '{settings.access_key}'")
    elif secret.kind == "keys":
        found = _keys_of(Path(secret.where))[1]
    elif secret.kind == "file":
        from rocketmq_ops.mqadmin.connecting.private_file import read_private

        found = read_private(Path(secret.where).expanduser())
    else:
        from rocketmq_ops.mqadmin.connecting.private_file import require_private
        from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile

        require_private(Path(secret.where))
        file = ProfileFile.read(Path(secret.where))
        found = str(file.entry(settings.profile)["secretKey"]) if file and settings.profile else ""
    found = found.strip()
    if not found:
        raise ProfileError(f"the secret key of '{settings.access_key}' is empty", f"it is taken from: {secret}")
    return found


def asked(what: str, *, hidden: bool = True) -> str:
    """What somebody types at the terminal, unseen if `hidden`. Raises ProfileError without a terminal."""
    import sys

    from rocketmq_ops.mqadmin import standard_input

    if not standard_input.is_terminal():
        raise ProfileError(f"the {what} has to be typed, and there is no terminal", "give it in a file or a variable")
    from rocketmq_ops.mqadmin.lang import tr

    if hidden:
        import getpass

        return getpass.getpass(f"{tr(what)}: ")
    sys.stderr.write(f"{tr(what)}: ")
    sys.stderr.flush()
    return standard_input.line()
