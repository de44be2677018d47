"""`mqadmin ping` without the parser of commands: what a health check runs every few seconds is read by hand.

A line with anything but addresses, `-n`, `--timeout` and `--registered`, or an environment that says how to connect,
is left to the declared command (`mqadmin/commands/ping.py`), which says what is wrong with it. What both say of a
server stands here too.
"""

from __future__ import annotations

import os
import sys

from rocketmq_ops.housekeeping.probe.ping import BROKER, Pinged, Registration, ping, registration
from rocketmq_ops.mqadmin.exit_codes import PluginCode
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from ssl import SSLContext

DEFAULT_TIMEOUT_MS = 5000
#: What connects in another way than a plain socket to the address that is given.
_SETTINGS = ("ROCKETMQ_OPS_PROFILE", "ROCKETMQ_OPS_TLS", "ROCKETMQ_OPS_ADDRESS_MAP")

#: An address as it was written, its host and its port.
Place = tuple[str, str, int]


def main(argv: list[str]) -> int | None:
    """The exit code, the lines being written; None for a command line that the declared command has to read."""
    asked = _read(argv)
    if asked is None or any(os.environ.get(name) for name in _SETTINGS):
        return None
    places, name_servers, timeout_ms, registered = asked
    if registered and not name_servers:
        name_servers = _places(os.environ.get("NAMESRV_ADDR", "")) or []
    pinged, found = look(places, name_servers, timeout_ms, registered=registered)
    lines, code = told(pinged, found)
    sys.stdout.write("".join(line + "\n" for line in lines))
    return int(code)


def look(
    places: Sequence[Place],
    name_servers: Sequence[Place],
    timeout_ms: int,
    tls: SSLContext | None = None,
    *,
    registered: bool,
) -> tuple[list[Pinged], list[Registration]]:
    """Every server, one after the other, and for `registered` where those that are brokers are registered."""
    pinged = [ping(*place, timeout_ms, tls) for place in places]
    if not registered:
        return pinged, []
    brokers = [place for place, found in zip(places, pinged, strict=True) if found.kind == BROKER]
    return pinged, [registration(*place, name_servers, timeout_ms, tls) for place in brokers]


def told(pinged: Sequence[Pinged], registrations: Sequence[Registration]) -> tuple[list[str], PluginCode]:
    """A line for each thing that was looked at, and the worst code of them; unknown is better than critical."""
    judged = [_of_server(found) for found in pinged] + [_of_registration(found) for found in registrations]
    order = (PluginCode.OK, PluginCode.WARNING, PluginCode.UNKNOWN, PluginCode.CRITICAL)
    worst = max((code for code, _ in judged), key=order.index, default=PluginCode.UNKNOWN)
    return [f"{tr_heading(code.name)}: {tr_message(text)}" for code, text in judged], worst


def _of_server(found: Pinged) -> tuple[PluginCode, str]:
    if found.problem is not None:
        return PluginCode.CRITICAL, f"{found.address}: {found.problem}"
    return (
        PluginCode.OK,
        f"{found.address}: {found.kind}{f' {found.version}' if found.version else ''}, answered in "
        f"{found.millis:.0f} ms",
    )


def _of_registration(found: Registration) -> tuple[PluginCode, str]:
    """Registered nowhere is critical, and at some name servers only a warning: clients that ask others miss it."""
    if found.problem is not None:
        return PluginCode.UNKNOWN, f"{found.broker}: cannot look where it is registered: {found.problem}"
    listed = [name for name, answer in found.asked.items() if answer is True]
    parts = [f"listed by {', '.join(listed)}"] if listed else []
    parts += [f"not listed by {name}" for name, answer in found.asked.items() if answer is False]
    silent = [f"{name}: {answer}" for name, answer in found.asked.items() if isinstance(answer, str)]
    text = f"broker {found.advertised}: {'; '.join(parts + silent)}"
    if len(listed) == len(found.asked):
        return PluginCode.OK, text
    if listed:
        return PluginCode.WARNING, text
    return (PluginCode.UNKNOWN if len(silent) == len(found.asked) else PluginCode.CRITICAL), text


def _read(argv: list[str]) -> tuple[list[Place], list[Place], int, bool] | None:
    """Addresses, name servers, timeout and whether `--registered` was given."""
    addresses: list[str] = []
    namesrv: str | None = None
    timeout_ms, registered = DEFAULT_TIMEOUT_MS, False
    words = iter(argv)
    for word in words:
        if word == "--registered":
            registered = True
        elif word == "--timeout":
            value = next(words, "")
            if not value.isdecimal() or not int(value):
                return None
            timeout_ms = int(value)
        elif word in ("-n", "--namesrvAddr"):
            namesrv = next(words, "")
        elif word.startswith("-"):
            return None
        else:
            addresses.append(word)
    if not addresses and not registered:  # the name servers themselves
        addresses, namesrv = [namesrv or os.environ.get("NAMESRV_ADDR", "")], None
    places = _places(" ".join(addresses))
    name_servers = _places(namesrv) if namesrv is not None else []
    if not places or name_servers is None:
        return None
    return places, name_servers, timeout_ms, registered


def _places(text: str) -> list[Place] | None:
    """The plain `HOST:PORT` addresses of a text; None when one is not of that form."""
    found = []
    for word in text.replace(";", " ").replace(",", " ").split():
        host, _, port = word.rpartition(":")
        if not host or "/" in host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
            return None
        found.append((word, host.strip("[]"), int(port)))
    return found
