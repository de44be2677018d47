"""The drop-in files that set what is to be changed: which file an item goes to, and its lines there."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rocketmq_ops.housekeeping.host.items import Item
from rocketmq_ops.housekeeping.host.root import Root
from rocketmq_ops.housekeeping.host.rules import State

SYSCTL = "etc/sysctl.d/90-rocketmq-ops.conf"
LIMITS = "etc/security/limits.d/90-rocketmq-ops.conf"
SYSTEMD = "etc/systemd/system.conf.d/90-rocketmq-ops.conf"
UDEV = "etc/udev/rules.d/90-rocketmq-ops.rules"
TMPFILES = "etc/tmpfiles.d/90-rocketmq-ops.conf"
#: Each with the folder without which nobody would read it, and its first lines.
FILES = {
    SYSCTL: ("etc", ()),
    LIMITS: ("etc/security", ()),
    SYSTEMD: ("etc/systemd", ("[Manager]",)),
    UDEV: ("etc/udev", ()),
    TMPFILES: ("etc/systemd", ()),
}
HEADER = (
    "# Written by 'os apply' of rocketmq-ops, removed by 'os undo'. Settings of your own belong in a file of yours.",
)
#: What makes them take effect without a restart of the host.
ACTIVATE = {
    SYSCTL: "sysctl --system",
    LIMITS: "log in again, and start the broker from there",
    SYSTEMD: "systemctl daemon-reexec, then restart the broker's unit",
    UDEV: "udevadm control --reload && udevadm trigger --subsystem-match=block --action=change",
    TMPFILES: f"systemd-tmpfiles --create /{TMPFILES}",
}
_HUGE = "/sys/kernel/mm/transparent_hugepage/"


def _limit(name: str, value: str) -> dict[str, str]:
    if name == "nofile":  # the soft limit stays: programs that need more raise it themselves
        return {
            LIMITS: f"* hard nofile {value}\nroot hard nofile {value}",
            SYSTEMD: f"DefaultLimitNOFILE=1024:{value}",
        }
    soft, _, hard = value.partition(":")
    each = (
        f"{user} {kind} nproc {limit}" for user in ("*", "root") for kind, limit in (("soft", soft), ("hard", hard))
    )
    systemd = value.replace("unlimited", "infinity")
    return {LIMITS: "\n".join(each), SYSTEMD: f"DefaultLimitNPROC={systemd}"}


def _disk(attribute: str) -> Callable[[str, str], dict[str, str]]:
    def lines(disk: str, value: str) -> dict[str, str]:
        name = disk.replace("!", "/")  # as udev knows it (sd-device: device_set_sysname)
        match = f'ACTION=="add|change", SUBSYSTEM=="block", KERNEL=="{name}"'
        return {UDEV: f'{match}, ATTR{{queue/{attribute}}}="{value}"'}

    return lines


def lines_of(item: str, value: str) -> dict[str, str]:
    """The lines that set an item, by file."""
    family, _, rest = item.partition(".")
    name, _, target = rest.partition(":")
    if family == "limit":
        return _limit(name, value)
    if family == "thp":
        return {TMPFILES: f"w {_HUGE}{name} - - - - {value}"}
    if family == "disk":
        return _disk("scheduler" if name == "scheduler" else "read_ahead_kb")(target, value)
    return {SYSCTL: f"{item} = {value}"}


def dropins(root: Root, items: Iterable[Item]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The text of each file that has something to set, and of each item to be changed the files that set it.

    What a file of ours sets already stays in it, though it is right by now: it is so because of the file.
    """
    readable = {path: root.place(folder).is_dir() for path, (folder, _) in FILES.items()}
    there = {path: root.lines(path) for path in FILES}
    bodies: dict[str, list[str]] = {path: [] for path in FILES}
    places: dict[str, list[str]] = {}
    for item in items:
        if item.state is State.CHANGE:
            places[item.id] = []
        if not item.value or item.state not in (State.CHANGE, State.OK, State.NA):
            continue
        for path, lines in lines_of(item.id, item.value).items():
            if readable[path] and (item.state is State.CHANGE or f"# {item.id}" in there[path]):
                bodies[path].append(f"# {item.id}\n{lines}\n")
                places.setdefault(item.id, []).append(path)
    texts = {path: "\n".join([*HEADER, *FILES[path][1], ""]) + "".join(body) for path, body in bodies.items() if body}
    return texts, places
