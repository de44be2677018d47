"""Which name servers and credentials a command uses. The first of these that is there gives the addresses:

`-n`; `--profile`; the environment's ROCKETMQ_OPS_PROFILE; its NAMESRV_ADDR; the project's file (`project_file.py`); the
default profile (`profile_file.py`). `-n` beside `--profile` takes the rest from that profile.
"""

from __future__ import annotations

import os

from rocketmq_ops.common.addresses import address_map as address_map_of_text
from rocketmq_ops.mqadmin.connecting.connection import Connection, ProfileError, Settings, name_servers_of
from rocketmq_ops.mqadmin.connecting.credentials import connection_of, with_credentials

ENVIRONMENT_NAME = "NAMESRV_ADDR"
PROFILE_VARIABLE = "ROCKETMQ_OPS_PROFILE"
ADDRESS_MAP_VARIABLE = "ROCKETMQ_OPS_ADDRESS_MAP"
TLS_VARIABLE = "ROCKETMQ_OPS_TLS"


def resolve(
    namesrv: str | None,
    profile: str | None,
    *,
    credentials: str | None = None,
    address_map: dict[str, str] | None = None,
    tls: str | None = None,
    needs_namesrv: bool = True,
) -> Connection:
    """The connection for one command. Raises ProfileError, also when nothing names a name server that it needs."""
    settings = choose(namesrv, profile)
    if settings is None and needs_namesrv:
        raise _none_given()
    settings = _with_tls(_with_address_map(settings or Settings(origin="none"), address_map), tls)
    return connection_of(with_credentials(settings, credentials))


def _with_address_map(settings: Settings, given: dict[str, str] | None) -> Settings:
    """With the map that is given, else the profile's, else the environment's. Raises AddressError."""
    if given is None and settings.address_map is None:
        text = os.environ.get(ADDRESS_MAP_VARIABLE, "").strip()
        given = address_map_of_text(text) if text else None
    if given is None:
        return settings
    import msgspec

    return msgspec.structs.replace(settings, address_map=given)


def choose(namesrv: str | None, profile: str | None) -> Settings | None:
    """What a command with these options connects by; None when nothing says. Reads no secret. Raises ProfileError."""
    if profile is not None:
        chosen = load_profile(profile)
        if namesrv:
            import msgspec

            return msgspec.structs.replace(chosen, name_servers=name_servers_of(namesrv, "-n"), origin="-n")
        return chosen
    if namesrv:
        return Settings(name_servers=name_servers_of(namesrv, "-n"), origin="-n")
    if named := os.environ.get(PROFILE_VARIABLE, "").strip():
        return load_profile(named)
    if given := os.environ.get(ENVIRONMENT_NAME, "").strip():
        return Settings(name_servers=name_servers_of(given, ENVIRONMENT_NAME), origin=ENVIRONMENT_NAME)
    return _of_project() or _of_default_profile()


def _with_tls(settings: Settings, given: str | None) -> Settings:
    """With the setting that is given, else the profile's, else the environment's."""
    if given is None and settings.tls is None:
        given = os.environ.get(TLS_VARIABLE, "").strip() or None
    if given is None:
        return settings
    import msgspec

    return msgspec.structs.replace(settings, tls=given)


def _none_given() -> ProfileError:
    from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile, profiles_path

    file = ProfileFile.read()
    if file is not None and file.names:
        return ProfileError(
            f"{file.path} names no default profile",
            f"pass -n HOST:PORT or --profile, or run `mqadmin profile use` with one of {', '.join(file.names)}",
        )
    return ProfileError(
        "no name server is given",
        f"pass -n HOST:PORT, set {ENVIRONMENT_NAME}, or `mqadmin profile add` a profile to {profiles_path()}",
    )


def load_profile(name: str) -> Settings:
    """What the profile of this name says. Raises ProfileError."""
    from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile, profiles_path

    file = ProfileFile.read()
    if file is None:
        raise ProfileError(
            f"there is no profile file {profiles_path()}", f"`mqadmin profile add {name} -n HOST:PORT` makes it"
        )
    return file.settings(name)


def _of_project() -> Settings | None:
    from rocketmq_ops.mqadmin.connecting import project_file

    path = project_file.find()
    if path is None:
        return None
    found = project_file.read(path)
    if isinstance(found, Settings):
        return found
    try:
        chosen = load_profile(found)
    except ProfileError as error:
        raise ProfileError(f"{path}: {error.cause}", error.next_step) from None
    import msgspec

    return msgspec.structs.replace(chosen, origin=f"{chosen.origin}, chosen by {path}")


def _of_default_profile() -> Settings | None:
    from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile

    file = ProfileFile.read()
    return None if file is None or file.default is None else file.settings(file.default)


def overrides_of_default() -> list[str]:
    """What goes before the default profile where the command runs."""
    from rocketmq_ops.mqadmin.connecting import project_file

    found = [name for name in (PROFILE_VARIABLE, ENVIRONMENT_NAME) if os.environ.get(name, "").strip()]
    path = project_file.find()
    return found + ([str(path)] if path is not None else [])
