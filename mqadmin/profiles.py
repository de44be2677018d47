"""Which name servers and credentials a command uses: `-n`, then NAMESRV_ADDR, then a profile.

Profiles live in `profiles.yaml` under the platform's configuration folder. Secrets come from that file, from a file
it names or from an environment variable it names; never from the command line.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.common.addresses import name_server_addresses, parse_address
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.shipped import shipped_path

ENVIRONMENT_NAME = "NAMESRV_ADDR"


class ProfileError(RocketMQError):
    """No name server was given, or the profile file cannot be used."""


class Connection(msgspec.Struct, frozen=True):
    """Where to connect and as whom. `origin` says which setting gave the addresses; `profile` is the profile's name."""

    name_servers: tuple[str, ...]
    origin: str
    timeout_ms: int | None = None
    access_key: str | None = None
    secret_key: str | None = None
    profile: str | None = None

    def __repr__(self) -> str:
        return f"Connection(name_servers={self.name_servers}, origin={self.origin!r}, access_key={self.access_key!r})"


def config_folder() -> Path:
    """The folder of this user's settings (XDG on Unix, Application Support on macOS, APPDATA on Windows)."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "rocketmq-ops"
    if os.environ.get("XDG_CONFIG_HOME"):
        return Path(os.environ["XDG_CONFIG_HOME"]) / "rocketmq-ops"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "rocketmq-ops"
    return Path.home() / ".config" / "rocketmq-ops"


def profiles_file() -> Path:
    """`ROCKETMQ_OPS_PROFILES`, else `profiles.yaml` in the configuration folder."""
    named = os.environ.get("ROCKETMQ_OPS_PROFILES")
    return Path(named) if named else config_folder() / "profiles.yaml"


def resolve(namesrv: str | None, profile: str | None) -> Connection:
    """The connection for one command. Raises ProfileError when nothing names a name server."""
    if profile is not None:
        chosen = load_profile(profile)
        if namesrv:
            return msgspec.structs.replace(chosen, name_servers=_addresses(namesrv, "-n"), origin="-n")
        return chosen
    if namesrv:
        return Connection(_addresses(namesrv, "-n"), "-n")
    from_environment = os.environ.get(ENVIRONMENT_NAME, "").strip()
    if from_environment:
        return Connection(_addresses(from_environment, ENVIRONMENT_NAME), ENVIRONMENT_NAME)
    return load_profile(None)


def load_profile(name: str | None) -> Connection:
    """The profile called `name`, or the file's default one."""
    path = profiles_file()
    if not path.exists():
        if name is None:
            raise ProfileError(
                "no name server is given",
                f"pass -n HOST:PORT, set {ENVIRONMENT_NAME}, or write a default profile to {path}",
            )
        raise ProfileError(
            f"there is no profile file {path}", f"write it with a profile '{name}', or pass -n HOST:PORT"
        )
    document = _read(path)
    profiles = document.get("profiles")
    if not isinstance(profiles, dict) or not profiles:
        raise ProfileError(f"{path} has no `profiles`", f"{shipped_path('docs/commands.md')} shows an example")
    chosen = name or document.get("default") or (next(iter(profiles)) if len(profiles) == 1 else None)
    if chosen is None:
        raise ProfileError(f"{path} names no default profile", f"pass --profile, one of {', '.join(profiles)}")
    entry = profiles.get(chosen)
    if not isinstance(entry, dict):
        raise ProfileError(f"there is no profile '{chosen}' in {path}", f"it has {', '.join(map(str, profiles))}")
    return _connection(str(chosen), entry, path)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProfileError(f"cannot read {path}: {_reason(error)}", "correct the file, or pass -n HOST:PORT") from None
    return document if isinstance(document, dict) else {}


def _reason(error: Exception) -> str:
    """What is wrong and in which line; never a piece of the file, which may hold a secret."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text (byte {error.start})"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not YAML"
    return f"{problem}, line {mark.line + 1}" if mark is not None else str(problem)


def _connection(name: str, entry: dict[str, Any], path: Path) -> Connection:
    known = {"namesrv", "timeoutMs", "accessKey", "secretKey", "secretKeyFile", "secretKeyEnv"}
    for key in entry:
        if key not in known:
            raise ProfileError(f"profile '{name}' has an unknown key '{key}'", f"known are {', '.join(sorted(known))}")
    addresses = entry.get("namesrv", "")
    text = ";".join(map(str, addresses)) if isinstance(addresses, list) else str(addresses)
    return Connection(
        _addresses(text, f"profile '{name}'"),
        f"profile '{name}'",
        timeout_ms=_timeout(name, entry["timeoutMs"]) if "timeoutMs" in entry else None,
        access_key=str(entry["accessKey"]) if "accessKey" in entry else None,
        secret_key=_secret(name, entry, path),
        profile=name,
    )


def _timeout(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ProfileError(f"profile '{name}' has the timeoutMs {value!r}", "give a whole number of ms above 0")
    return value


def _secret(name: str, entry: dict[str, Any], path: Path) -> str | None:
    if "secretKeyEnv" in entry:
        variable = str(entry["secretKeyEnv"])
        if variable not in os.environ:
            raise ProfileError(f"profile '{name}' takes its secret key from {variable}, which is not set", "set it")
        return os.environ[variable]
    if "secretKeyFile" in entry:
        secret_path = Path(str(entry["secretKeyFile"])).expanduser()
        _require_private(secret_path)
        try:
            return secret_path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f"cannot read {secret_path}: {_reason(error)}", "correct the file or its path") from None
    if "secretKey" in entry:
        _require_private(path)
        return str(entry["secretKey"])
    return None


def _require_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ProfileError(f"cannot read {path}: {error.strerror}", "create it or correct its path") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ProfileError(f"{path} holds a secret and others may read it", f"run: chmod 600 {path}")


def _addresses(text: str, origin: str) -> tuple[str, ...]:
    addresses = name_server_addresses(text)
    if not addresses:
        raise ProfileError(f"{origin} gives no name server address", "give HOST:PORT, several separated by ';'")
    for address in addresses:
        parse_address(address)
    return tuple(addresses)
