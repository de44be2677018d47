"""What a translation must have as its original has it: fields, names in backticks, options, numbers, names of code."""

from __future__ import annotations

import re
from collections import Counter

from rocketmq_ops.mqadmin.lang.catalogue import fields_of

_CHINESE = re.compile("[\u4e00-\u9fff]")
_KEPT = {
    "names in backticks": re.compile(r"``?[^`]+``?"),
    "options": re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*"),
    "numbers": re.compile(r"\d+(?:[.,]\d+)*"),
    # camelCase, snake_case, a.dotted.name, CAPITALS and HOST:PORT
    "names of code": re.compile(
        r"(?<![\w.])(?:[a-z]+[A-Z]\w*|\w+_\w+|[a-z]+(?:\.[a-z]\w*)+|[A-Z]{2,}[A-Z0-9]*(?::[A-Z]+)?)(?!\w)", re.ASCII
    ),
}
#: What Chinese writes in capitals where English has a word: `id`, `by popping`, `garbage collection`.
_ABBREVIATIONS = frozenset({"ACL", "BOM", "CRC", "GC", "ID", "LMQ", "NUL", "POP", "PULL"})


def is_chinese(text: str) -> bool:
    """Whether it holds a Chinese character."""
    return _CHINESE.search(text) is not None


def slips(english: str, chinese: str) -> list[str]:
    """What one of the two has and the other has not; nothing for a faithful translation."""
    found = []
    if sorted(fields_of(english)) != sorted(fields_of(chinese)):
        found.append(f"fields {fields_of(english)} and {fields_of(chinese)}")
    for what, pattern in _KEPT.items():
        before, after = (
            Counter(" ".join(name.split()) for name in pattern.findall(text)) for text in (english, chinese)
        )
        lost, new = before - after, after - before
        for name in _ABBREVIATIONS:
            del new[name]
        if lost or new:
            found.append(f"{what}: lost {sorted(lost.elements())}, new {sorted(new.elements())}")
    return found
