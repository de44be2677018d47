"""White lists: patterns of addresses, and which addresses they stand for.

A pattern is one address; several, `a,b`; those of a network that differ in the last part, `10.0.0.{1,2}`,
`2001:db8::{1,2}`; or a range, `10.0.1-9.*`, `10.*.*.*`, `2001:db8:1-200:*`; `*` is everybody, nothing is nobody.
Mirrors RemoteAddressStrategyFactory and the address functions of AclUtils.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from rocketmq_ops.broker.acl.permission import AclFormatError
from rocketmq_ops.common.addresses import unmapped

#: Whether an address, without a port, is meant.
Matches = Callable[[str], bool]

_EVERYBODY = ("*", "*.*.*.*", "*:*:*:*:*:*:*:*")


def matcher(pattern: str | None) -> Matches | None:
    """What a pattern stands for; None for nobody. Raises AclFormatError."""
    if pattern is None or not pattern.strip():
        return None
    if pattern in _EVERYBODY:
        return lambda address: True
    if pattern.endswith("}"):
        return _one_of(_braced(pattern), pattern)
    if "," in pattern:
        return _one_of([part for part in pattern.split(",") if part], pattern)
    if "*" in pattern or "-" in pattern:
        return _range6(pattern) if ":" in pattern else _range4(pattern)
    return _one_of([pattern], pattern)


def host_of(remote: str) -> str:
    """The address in `host:port`, without the brackets of IPv6."""
    return remote.rpartition(":")[0].strip("[]")


def _wrong(pattern: str) -> AclFormatError:
    return AclFormatError(
        f"Netaddress examine Exception netaddress is {pattern}",
        "give an address, several as A,B or 10.0.0.{1,2}, or a range as 10.0.1-9.*",
    )


def _canonical(address: str) -> str | None:
    """One spelling for each address; None for what is none."""
    try:
        return str(unmapped(ipaddress.ip_address(address.partition("%")[0])))
    except ValueError:
        return None


def _one_of(addresses: list[str], pattern: str) -> Matches:
    meant = {_canonical(address) for address in addresses}
    if None in meant:
        raise _wrong(pattern)
    return lambda address: _canonical(address) in meant


def _braced(pattern: str) -> list[str]:
    """`head{a,b}` written out; the braces are the last part of an address."""
    parts = pattern.split(":" if ":" in pattern else ".")
    if not parts[-1].startswith("{") or (":" not in pattern and len(parts) < 4):
        raise _wrong(pattern)
    head, _, tail = pattern.partition("{")
    return [head + item for item in tail[:-1].split(",") if item]


def _bounds(part: str, base: int, most: int, pattern: str) -> tuple[int, int]:
    if part == "*":
        return 0, most
    try:
        low, high = (int(bound, base) for bound in part.split("-"))
    except ValueError:
        raise _wrong(pattern) from None
    if not 0 <= low <= high <= most:
        raise _wrong(pattern)
    return low, high


def _range4(pattern: str) -> Matches:
    """The first part that is a range decides with all before it, from the second part on; what follows is anything."""
    parts = [part.strip() for part in pattern.split(".") if part]
    at = next((i for i in range(1, len(parts)) if parts[i] == "*" or "-" in parts[i]), 0)
    if len(parts) != 4 or not at or not all(part.isdecimal() and int(part) <= 255 for part in parts[:at]):
        raise _wrong(pattern)
    head = [int(part) for part in parts[:at]]
    low, high = _bounds(parts[at], 10, 255, pattern)

    def matches(address: str) -> bool:
        try:
            numbers = list(ipaddress.IPv4Address(address).packed)
        except ValueError:
            return False
        return numbers[:at] == head and low <= numbers[at] <= high

    return matches


def _range6(pattern: str) -> Matches:
    """`*` may stand at the end only, a range there or before the `*`."""
    parts = pattern.split(":")
    ranged = [i for i, part in enumerate(parts) if "*" in part or "-" in part]
    first = len(parts) - 2 if parts[-1] == "*" and "-" in parts[-2] else len(parts) - 1
    if not first or ranged != list(range(first, len(parts))):
        raise _wrong(pattern)
    head = _groups(":".join(parts[:first]), 8 - (len(parts) - first), pattern)
    low, high = _bounds(parts[first], 16, 0xFFFF, pattern)
    at = len(head)

    def matches(address: str) -> bool:
        try:
            packed = ipaddress.IPv6Address(address.partition("%")[0]).packed
        except ValueError:
            return False
        numbers = [int.from_bytes(packed[i : i + 2], "big") for i in range(0, 16, 2)]
        return numbers[:at] == head and low <= numbers[at] <= high

    return matches


def _groups(text: str, count: int, pattern: str) -> list[int]:
    """The groups of an address's beginning; `::` within it stands for as many of 0 as `count` lacks."""
    before, gap, after = text.partition("::")
    given = [part for part in before.split(":") if part or not gap]
    rest = [part for part in after.split(":") if part] if gap else []
    zeros = ["0"] * (count - len(given) - len(rest)) if gap else []
    try:
        numbers = [int(part or "0", 16) for part in (*given, *zeros, *rest)]
    except ValueError:
        raise _wrong(pattern) from None
    if len(numbers) > count or not all(0 <= number <= 0xFFFF for number in numbers):
        raise _wrong(pattern)
    return numbers
