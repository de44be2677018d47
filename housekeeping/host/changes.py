"""Plan, apply and undo: what is to be changed on a host, by drop-in files alone.

Nothing takes effect by itself: no setting of the running kernel is touched, and no cache is dropped.
"""

from __future__ import annotations

import os
import re

import msgspec

from rocketmq_ops.common.errors import NoSuchPathError
from rocketmq_ops.housekeeping.host.dropins import ACTIVATE, SYSCTL, dropins
from rocketmq_ops.housekeeping.host.facts import facts_of
from rocketmq_ops.housekeeping.host.items import items_of
from rocketmq_ops.housekeeping.host.record import FOLDER, Record, RefusedError
from rocketmq_ops.housekeeping.host.root import Root
from rocketmq_ops.housekeeping.host.rules import State

#: Names that come after ours in a folder; the same patterns are in `scripts/os.sh`.
_LATER = re.compile(r"9[1-9A-Za-z_]|90[.0-9A-Za-z_]|90-[s-z]|[A-Za-z_]")
IN_CONTAINER = (
    "in a container: set kernel and disks on its host, net.* with the engine's --sysctl, limits with its --ulimit"
)


class PlannedFile(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A drop-in file: its place, whether writing it changes anything, its text, and what makes it take effect."""

    path: str
    changed: bool
    text: str
    activate: str


class ByHand(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An item that no drop-in file can set, and what to do."""

    id: str
    current: str
    wanted: str
    hand: str


class Plan(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """What `apply` writes, what is left to do by hand, and settings of ours that a later file overrides."""

    root: str
    container: bool
    files: list[PlannedFile]
    by_hand: list[ByHand]
    notes: list[str]

    @property
    def writes(self) -> dict[str, str]:
        """The text of each file that would change."""
        return {file.path: file.text for file in self.files if file.changed}


def root_of(path: str | None) -> Root:
    """The host below a folder, by default this machine. Raises NoSuchPathError where there is no such folder."""
    root = Root(path or "/")
    if not root.place("").is_dir():
        raise NoSuchPathError(f"no such folder: {path}", "give the folder that holds etc, proc and sys of a host")
    return root


def plan_of(root: Root, store: str | None = None) -> Plan:
    """What there is to change."""
    facts = facts_of(root)
    items = items_of(root, store, facts)
    texts, places = ({}, {}) if facts.container else dropins(root, items)
    files = [
        PlannedFile(path=path, changed=root.read(path) != text, text=text, activate=ACTIVATE[path])
        for path, text in texts.items()
    ]
    by_hand = [
        ByHand(
            id=item.id,
            current=item.current,
            wanted=item.wanted,
            hand=item.hand or (IN_CONTAINER if facts.container else "no drop-in folder for it on this host"),
        )
        for item in items
        if item.state is State.CHANGE and not places.get(item.id)
    ]
    notes = [*_overridden(root, texts), *_tuned(root, texts)]
    return Plan(root=root.path, container=facts.container, files=files, by_hand=by_hand, notes=notes)


def _overridden(root: Root, texts: dict[str, str]) -> list[str]:
    """Settings of ours that a file which is read later sets otherwise: of a later name, or `/etc/sysctl.conf`."""
    ours = dict(_settings(texts.get(SYSCTL, "")))
    folder = os.path.dirname(SYSCTL)
    later = [
        f"{folder}/{name}"
        for name in root.names(folder)
        if name.endswith(".conf") and _LATER.match(name) and not root.place(f"{folder}/{name}").is_symlink()
    ]
    return [
        f"/{path} sets {name} = {value} and is read later: change that line"
        for path in (*later, "etc/sysctl.conf")
        for name, value in _settings("\n".join(root.lines(path)))
        if name in ours and ours[name] != value
    ]


def _tuned(root: Root, texts: dict[str, str]) -> list[str]:
    profile = root.words("etc/tuned/active_profile")
    if not texts or not isinstance(profile, str):
        return []
    return [f"tuned is active with the profile {profile}: what that sets comes after these files"]


def _settings(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        name = " ".join(name.split())
        if equals and not name.startswith(("#", ";")):
            found.append((name, " ".join(value.split())))
    return found


def apply(root: Root, plan: Plan, *, force: bool = False) -> None:
    """Write the files of the plan that change. Raises RefusedError where that might lose something."""
    if not plan.writes:
        return
    _require_rights(root, "apply")
    record = Record.load(root)
    _require_untouched(record, list(plan.writes), force=force, what="apply would overwrite that")
    record.apply(plan.writes)


def undoable(root: Root) -> dict[str, str]:
    """What `undo` would bring back: each file with `old` (it was there before) or `new`."""
    return dict(Record.load(root).files)


def undo(root: Root, *, force: bool = False) -> None:
    """Bring everything back as it was before the first `apply`; nothing where nothing was applied."""
    record = Record.load(root)
    if not record.files:
        return
    _require_rights(root, "undo")
    _require_untouched(record, list(record.files), force=force, what="undo would lose that")
    record.undo()


def _require_rights(root: Root, what: str) -> None:
    if root.is_this_host and os.geteuid() != 0:
        raise RefusedError(
            f"{what} writes below /etc and /{FOLDER}, which only root may",
            f"run it as root (sudo), or with --root DIR on a copy of the host; 'os plan' shows what {what} would do"
            if what == "apply"
            else "run it as root (sudo)",
        )


def _require_untouched(record: Record, paths: list[str], *, force: bool, what: str) -> None:
    changed = [path for path in paths if path in record.files and record.changed_since(path)]
    if changed and not force:
        raise RefusedError(
            f"changed by somebody since it was applied: {', '.join('/' + path for path in changed)}; {what}",
            "move those lines to a file of another name, or give --force",
        )
