"""Taking secrets out of text, whatever it is: log lines, properties, JSON, YAML, command lines, headers, PEM blocks.

Where a quoted value ends is known. Where any other ends is not, so it is taken out to the end of its line: rather too
much than the tail of a password. Names are those of `NAMES`; what stands beside a secret in a way that no form below
has (in a sentence, in a message's body) stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

REMOVED: Final = "(removed)"
#: What makes a name that of a secret, within the name or, of the short ones, as a whole part of it.
NAMES: Final = re.compile(
    r"secret|passw|passphrase|pwd|token|credential|(?:access|private|api)[ _.-]?key|signature|cookie"
    r"|(?<![a-z0-9])(?:ak|sk|pass|auth)(?![a-z0-9])|(?<![a-z0-9])authorization(?![a-z0-9])",
    re.IGNORECASE,
)
#: What is said of a feature, and is no secret.
PLAIN: Final = frozenset({"", "true", "false", "null", "none"})

_URL = re.compile(r"(\b[a-z][a-z0-9+.-]{0,40}://[^\s/:@]{0,200}:)(?!\d{1,5}[/?#])(\S{1,1000})(@)", re.IGNORECASE)
_SCHEME = re.compile(r"\b(Bearer|Basic(?=\s+[\w+/=-]{8,}(?:$|[\s\"',;])))(\s+)([^\s\"',;]+)", re.IGNORECASE)
_PEM_BEGIN, _PEM_END = re.compile(r"-----BEGIN [^-\n]{1,60}-----"), re.compile(r"-----END [^-\n]{1,60}-----")
#: From the end of a name to its value. Bounded, so that a long line takes no longer than its length.
_TAIL = r"[\w.\-]{0,100}(?: key\w{0,20})?(?:\[\d*\])?\\{0,4}[\"'`]?"
_TO_VALUE = re.compile(_TAIL + r"\s{0,20}(?:[=:]{1,2}>?|=>|\s(?=\\{0,4}[\"']))\s{0,20}")
#: The same of an option, whose value is the next word; of a list of words, too.
_TO_REST = re.compile(_TAIL + r"[ \t]{1,20}(?=\S)")
_TO_NEXT_WORD = re.compile(_TAIL + r"(?:\s*,)?[\s=]{1,20}")
_OPTION = re.compile(r"(?:^|[\s\[(,;|&\"'`])--?[\w.\-]{0,100}$")
_ELEMENT = re.compile(r"[\w.:\-]{0,100}(?:\s[^<>]{0,200})?>")
#: `name: NAME`, of a list of names with their values.
_NAMED = re.compile(r"(?:\bname|\bkey)\\{0,4}[\"']?\s{0,20}[=:]\s{0,20}\\{0,4}[\"']?[\w.\-]{0,100}$", re.IGNORECASE)
_VALUE_KEY = re.compile(r"\s*[\"']?value\b", re.IGNORECASE)
#: A line that begins with a name, as in a file of properties or YAML.
_AT_BEGIN = re.compile(r"\s*(?:[-?#!;*]+\s+)*(?:export\s+|set\s+)?\\{0,4}[\"']?[\w.\-]{0,200}$")
_OPEN_QUOTE = re.compile(r"(\\{0,4})([\"'`])")
#: What may stand behind a quoted value.
_AFTER = re.compile(r"$|[\s,;)\]}&|<>\\\"'`]")
_BLOCK = re.compile(r"[|>][+\-0-9]{0,3}\s*(?:#.*)?$|[\[{]|$")
#: A value that is PLAIN, and what follows it.
_PLAIN_VALUE = re.compile(r"(?:true|false|null|none)?\s*(?:[,;)\]}&]|$)", re.IGNORECASE)
#: Characters before a name that say what it is.
_LOOK_BACK: Final = 300
#: Lines that are looked through for the end of a quoted value that does not end in its own.
_MOST_LINES: Final = 20


def is_secret(name: str, value: str) -> bool:
    """Whether the value of a setting is one, by the setting's name."""
    return NAMES.search(name) is not None and value.lower() not in PLAIN


def settings_without(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings without the values of those that are named as secrets are, and what is a secret within others."""
    return {name: REMOVED if is_secret(name, value) else text_without(value) for name, value in settings.items()}


def text_without(text: str) -> str:
    """A text without the secrets in it."""
    return "\n".join(lines_without(text.split("\n")))


def lines_without(lines: list[str]) -> list[str]:
    """As many lines, without the secrets in them."""
    clean = _without_pem(lines)
    found: list[str] = []
    place = 0
    while place < len(clean):
        line, more = _line_without(clean, place)
        found.append(line)
        found += [REMOVED if clean[next_].strip() else clean[next_] for next_ in range(place + 1, place + 1 + more)]
        place += 1 + more
    return found


def _without_pem(lines: list[str]) -> list[str]:
    """Without what stands between PEM's marks, of a block whose beginning or end is not there, too."""
    text = "\n".join(lines)
    if "-----" not in text:
        return lines
    parts, place = [], 0
    first_end, first_begin = _PEM_END.search(text), _PEM_BEGIN.search(text)
    if first_end is not None and (first_begin is None or first_end.start() < first_begin.start()):
        parts.append(_wiped(text[: first_end.end()]))
        place = first_end.end()
    while (begin := _PEM_BEGIN.search(text, place)) is not None:
        end = _PEM_END.search(text, begin.end())
        stop = len(text) if end is None else end.end()
        parts += [text[place : begin.start()], _wiped(text[begin.start() : stop])]
        place = stop
    return "".join([*parts, text[place:]]).split("\n")


def _wiped(text: str) -> str:
    return "\n".join([REMOVED] * (text.count("\n") + 1))


def _line_without(lines: list[str], place: int) -> tuple[str, int]:
    """The line at `place` without secrets, and how many lines after it belong to a secret that begins in it."""
    line = _SCHEME.sub(rf"\1\2{REMOVED}", _URL.sub(rf"\1{REMOVED}\3", lines[place]))
    spans: list[tuple[int, int]] = []
    more = covered = 0
    names = [(name.start(), name.end()) for name in NAMES.finditer(line)]
    for name, name_end in names:
        if covered == len(line) and name != names[-1][0]:
            continue
        before = line[max(0, name - _LOOK_BACK) : name]
        at_begin = name < _LOOK_BACK and _AT_BEGIN.match(before) is not None
        if _NAMED.search(before[-130:]):
            begin, end = name_end, len(line)
            goes_on = max(_indented(lines, place, empty=False), _value_follows(lines, place))
        else:
            found = _value_begin(line, name_end, before, at_begin)
            if found is None:
                continue
            begin = found
            end, goes_on = _value(lines, place, line, begin, at_begin)
        more, covered = max(more, goes_on), max(covered, end)
        if line[begin:end].strip("\"'\\, ").lower() not in PLAIN:
            spans.append((begin, end))
    return _cut(line, spans), more


def _cut(line: str, spans: list[tuple[int, int]]) -> str:
    parts, place = [], 0
    for begin, end in sorted(spans):
        if end <= place:
            continue
        if begin >= place:
            parts += [line[place:begin], REMOVED]
        place = end
    return "".join([*parts, line[place:]])


def _value_begin(line: str, end: int, before: str, at_begin: bool) -> int | None:
    """Where the value of the name that ends at `end` begins; None where none follows."""
    found = _TO_VALUE.match(line, end)
    if found is None and _OPTION.search(before[-110:]):
        found = _TO_NEXT_WORD.match(line, end)
    if found is None and "<" in before[-100:]:
        found = _ELEMENT.match(line, end)
    if found is None and at_begin:
        found = _TO_REST.match(line, end)
    return None if found is None else found.end()


def _value(lines: list[str], place: int, line: str, begin: int, at_begin: bool) -> tuple[int, int]:
    """Where the value that begins there ends, and how many more lines are of it."""
    quote = _OPEN_QUOTE.match(line, begin)
    if quote is not None:
        close = _closing(quote[1], quote[2]).match(line, quote.end())
        if close is None:
            return len(line), _until_closed(lines, place, quote[0], at_begin)
        return (close.end() if _AFTER.match(line, close.end()) else len(line)), 0
    value = line[begin:]
    if value.strip() and _PLAIN_VALUE.match(value):
        return begin, 0
    more = 0
    while lines[place + more].endswith("\\") and place + more + 1 < len(lines):
        more += 1
    if at_begin or _BLOCK.match(value):
        more = max(more, _indented(lines, place, empty=not value.strip()))
    return len(line), more


def _value_follows(lines: list[str], place: int) -> int:
    """1 where the next line has the value of the name in this one."""
    return int(place + 1 < len(lines) and _VALUE_KEY.match(lines[place + 1]) is not None)


def _closing(escape: str, quote: str) -> re.Pattern[str]:
    """The rest of a quoted value. A backslash that ends it in one reading and escapes in another counts as escape."""
    if escape:
        return re.compile(rf"(?:(?!{re.escape(escape + quote)}).)*{re.escape(escape + quote)}")
    doubled = "|''" if quote == "'" else ""
    return re.compile(rf"(?:[^{quote}\\]|\\.{doubled})*{quote}")


def _until_closed(lines: list[str], place: int, quote: str, at_begin: bool) -> int:
    for more in range(1, min(_MOST_LINES, len(lines) - 1 - place) + 1):
        if quote in lines[place + more]:
            return more
    return _indented(lines, place, empty=False) if at_begin else 0


def _indented(lines: list[str], place: int, *, empty: bool) -> int:
    """Lines after it that belong to it by their indentation; of a value that is `empty` also a list beside it."""
    depth = _depth(lines[place])
    more, last = 0, 0
    for line in lines[place + 1 :]:
        more += 1
        if not line.strip():
            continue
        beside = empty and _depth(line) == depth and line.lstrip()[:2] in ("- ", '-"', "-'")
        beside = beside or (empty and last == 0 and line.lstrip()[:1] in ('"', "'") and ":" not in line)
        if _depth(line) <= depth and not beside:
            break
        last = more
    return last


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
