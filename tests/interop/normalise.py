"""What Apache's mqadmin printed, without what must differ between two clusters: addresses, times, ids, rates."""

from __future__ import annotations

import re

_RULES: tuple[tuple[str, str], ...] = (
    (r"(?m)^\d\d:\d\d:\d\d,\d+ \|-.*$", ""),  # logback speaks of itself in the first command of a JVM
    (r"(?m)^\s*(at [\w.$]+[.(/].*|\.\.\. \d+ more)$", ""),  # stack frames: the message lines stay
    (r", org\.apache\.rocketmq\.[\w.$]+\(\w+\.java:\d+\)", ""),  # the frame in a MessageTrack
    (r"\d{4}-\d\d-\d\d[ #T]\d\d:\d\d:\d\d([,.:]\d+)?", "<time>"),
    (r"\b\d{13}\b", "<ms>"),
    (r"\b[0-9A-F]{32,60}\b", "<id>"),
    (r"(?m)^\d+(?=\s+[\d.]+@)", "<number>"),  # a producer's number
    (r"\b\d+\.\d+\.\d+\.\d+@\S+", "<client>"),
    (r"/?\b\d+\.\d+\.\d+\.\d+:\d+", "<address>"),
    (r"\b\d+\.\d+\.\d+\.\d+\b", "<ip>"),
    (r"\b\d+\.\d+([eE]-?\d+)?\b", "<number>"),
    (r"(PUSH|PULL)(\s+)(CLUSTERING|BROADCASTING)(\s+)\d+", r"\1\2\3\4<tps>"),
    (r"\b(physicOffset|commitLogOffset|CommitLog Offset|preparedTransactionOffset)([=:]\s*)\d+", r"\1\2<offset>"),
    (r"https?://\S+", "<url>"),
    (r"costTime=\d+|\d+ ?ms\b", "<duration>"),
    (r"V\d_\d_\d+", "<version>"),
    (r"\d+-\d+\(<?[\w.]+>?w, ", "<timer>("),  # how far the timer wheel is, in clusterList
)
_COMPILED = tuple((re.compile(pattern), text) for pattern, text in _RULES)


def _in_order(match: re.Match[str]) -> str:
    """The items of a Java set or map in the order of their text: Java's is that of their hashes."""
    items = re.split(r", (?=[^\s,=]+(?:=|,|$))", match[2])
    return match[1] + ", ".join(sorted(items)) + match[3]


def lines(text: str, addresses: dict[str, str]) -> list[str]:
    """Lines of `text` that are not blank, one space between words, with what differs by nature replaced."""
    for address, what in addresses.items():
        text = text.replace(address, what)
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    text = re.sub(r"(not in set: \[|[Pp]roperties(?:=|: +)\{)(.*?)([\]}])", _in_order, text)
    return [squeezed for line in text.splitlines() if (squeezed := re.sub(r"\s+", " ", line).strip())]


def settings(text: str) -> dict[str, str]:
    """`key = value` and `key : value` lines of getBrokerConfig, getNamesrvConfig and brokerStatus."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"^(?:\s*\S+:\d+\s+)?(\S+)\s*[=:] ?(.*)$", line)
        if match and not match[1].startswith("="):
            found[re.sub(r"_/.*", "_<path>", match[1])] = match[2].strip()
    return found
