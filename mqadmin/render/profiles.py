"""How profiles look: where they lead and where their secret key is, never the secret key."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rocketmq_ops.mqadmin.connecting.connection import ProfileError, Settings
from rocketmq_ops.mqadmin.connecting.profile_file import ProfileFile, profiles_path
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table


class ProfileView(msgspec.Struct, rename="camel"):
    """What a profile says. `secret_key_from` says where its secret key is; null is what it does not set."""

    name: str | None
    default: bool
    namesrv: list[str]
    timeout_ms: int | None
    access_key: str | None
    secret_key_from: str | None
    origin: str


class ProfileReport(msgspec.Struct, rename="camel"):
    """One profile, and the file of profiles."""

    file: str
    profile: ProfileView


class ProfileRemoval(ProfileReport, rename="camel"):
    """The profile that was removed, and the one that is the default now; null where none is."""

    default_profile: str | None


class ProfileList(msgspec.Struct, rename="camel"):
    """The profiles of the file, as it has them in order."""

    file: str
    profiles: list[ProfileView]


def view_of(settings: Settings, *, default: bool) -> ProfileView:
    """Settings as they are shown."""
    return ProfileView(
        name=settings.profile,
        default=default,
        namesrv=list(settings.name_servers),
        timeout_ms=settings.timeout_ms,
        access_key=settings.access_key,
        secret_key_from=None if settings.secret is None else str(settings.secret),
        origin=settings.origin,
    )


def profile_outcome(file: Path, view: ProfileView, notes: list[str] | None = None) -> Outcome:
    """One profile: a line for each thing that it says."""
    return Outcome(data=ProfileReport(str(file), view), blocks=[profile_table(view)], notes=notes or [])


def profile_table(view: ProfileView) -> Table:
    """A line for each thing that a profile says."""
    rows: list[list[Cell]] = [
        ["profile", tr_message(f"{view.name} (the default)") if view.default else view.name or "-"],
        ["name servers", ";".join(view.namesrv) or "-"],
        ["chosen by", tr_message(view.origin)],
        ["timeout", f"{view.timeout_ms} ms" if view.timeout_ms else "-"],
        ["access key", view.access_key or "-"],
        ["secret key", tr_message(view.secret_key_from or "-")],
    ]
    return Table(["#KEY", "#VALUE"], rows, ours=["#KEY"])


def existing_file() -> ProfileFile:
    """The user's file of profiles. Raises ProfileError when there is none."""
    file = ProfileFile.read()
    if file is None:
        raise ProfileError(f"there is no profile file {profiles_path()}", "`mqadmin profile add` makes it")
    return file
