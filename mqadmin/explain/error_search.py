"""Finds response codes and known texts in what a user typed or pasted, and in logs of any size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import msgspec

from rocketmq_ops.mqadmin.explain.known.entry import Known
from rocketmq_ops.mqadmin.explain.known_errors import KNOWN
from rocketmq_ops.mqadmin.response_table import advice_of
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.response_meanings import meaning_of

#: Apache's exceptions begin so (MQBrokerException, MQClientException).
_CODE_IN_LOG = re.compile(rb"CODE: (\d{1,9})  DESC: ")
_CODE_IN_TEXT = re.compile(r"\bcode\s*[:=]?\s*(\d{1,9})\b", re.IGNORECASE)
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?")
#: Bytes of a log that are looked at together; a longer line is looked at in parts.
BLOCK = 1 << 20
#: Bytes in which the parts of one text stand.
_GAP = 300
#: Bytes of an example that are kept.
_EXAMPLE = 300


class Seen(msgspec.Struct):
    """How often a thing was found in a log, and when: as the log writes times, None where no line had one."""

    lines: int
    first: str | None
    last: str | None
    example: str


def pattern_of(known: Known) -> str:
    """A regular expression for the known texts, each on one line."""
    texts = (*known.texts, *known.before_apache)
    return "|".join(f".{{0,{_GAP}}}?".join(re.escape(piece) for piece in text.split("…")) for text in texts)


def code_of(text: str) -> int | None:
    """The response code that a number or a name stands for, None for other text."""
    if text.isascii() and text.isdigit():
        return int(text)
    return next((int(code) for code in ResponseCode if code.name == text.upper().replace(" ", "_")), None)


def find(text: str) -> tuple[list[int], list[Known]]:
    """The codes and known texts in `text`; where there are none, what speaks of the words of `text`."""
    code = code_of(text)
    if code is not None:
        return ([code] if code in _codes() else []), []
    by_key = [known for known in KNOWN if known.key == text.lower()]
    if by_key:
        return [], by_key
    codes = list(dict.fromkeys(int(digits) for digits in _CODE_IN_TEXT.findall(text)))
    texts = [known for known in KNOWN if re.search(pattern_of(known), text, re.IGNORECASE)]
    if codes or texts:
        return [code for code in codes if code in _codes()], texts
    words = re.findall(r"\w+", text.lower())
    told = _translation(text)
    return (
        [
            code
            for code in _codes()
            if _has(words, ResponseCode(code).name.replace("_", " "), *map(told, meaning_of(code)[:2]))
        ],
        [
            known
            for known in KNOWN
            if _has(words, *known.texts, *known.before_apache, told(known.cause), told(known.remedy))
        ],
    )


def _translation(text: str) -> Callable[[str], str]:
    """How explanations are told in the language of a text: whoever asks in Chinese is found what is told in Chinese."""
    if text.isascii():
        return str
    from rocketmq_ops.mqadmin.lang.catalogue import chinese

    return chinese().word


def all_codes() -> list[int]:
    """Every response code but SUCCESS, in order."""
    return sorted(_codes())


def commands_in(text: str) -> list[str]:
    """The command lines that a sentence names in backticks, without `mqadmin`."""
    return re.findall(r"`mqadmin ([^`]+)`", text)


def next_step_of_code(code: int) -> str:
    """What to do about a code: on the command line where the table says so, else in general."""
    advice = advice_of(code).next_step
    return meaning_of(code).next_step if advice == type(advice_of(code))._field_defaults["next_step"] else advice


def _codes() -> set[int]:
    return {int(code) for code in ResponseCode if code != ResponseCode.SUCCESS}


def _has(words: list[str], *texts: str) -> bool:
    """Whether every word stands in the texts."""
    together = " ".join(texts).lower()
    return bool(words) and all(word in together for word in words)


class LogScan:
    """Counts what is known in a log. It keeps a line for each kind that was found, and one block of the log."""

    def __init__(self) -> None:
        self.lines = 0
        self.codes: dict[int, Seen] = {}
        self.texts: dict[str, Seen] = {}
        self._known = [(known, _needles(known), re.compile(pattern_of(known).encode())) for known in KNOWN]
        self._time: str | None = None

    def read(self, source: IO[bytes]) -> None:
        """Read a log to its end."""
        for block in _blocks(source):
            self._block(block)

    def _block(self, block: bytes) -> None:
        """Lines are looked at one by one only for what is somewhere in the block."""
        here = [(known, found) for known, needles, found in self._known if any(needle in block for needle in needles)]
        lines = block.splitlines()
        self.lines += len(lines)
        if not here and b"CODE: " not in block:
            self._time = next((time for time in map(_time_of, reversed(lines[-200:])) if time), self._time)
            return
        for line in lines:
            self._time = _time_of(line) or self._time
            for code in dict.fromkeys(_CODE_IN_LOG.findall(line)):
                self._count(self.codes, int(code), line)
            for known, found in here:
                if found.search(line):
                    self._count(self.texts, known.key, line)

    def _count(self, table: dict[Any, Seen], key: Any, line: bytes) -> None:
        seen = table.get(key)
        if seen is None:
            example = line[:_EXAMPLE].decode("utf-8", "replace").strip()
            table[key] = Seen(1, self._time, self._time, example)
            return
        seen.lines += 1
        if self._time is not None:
            seen.first = min(seen.first or self._time, self._time)
            seen.last = max(seen.last or self._time, self._time)


def _needles(known: Known) -> list[bytes]:
    """Of each text a part that is looked for first."""
    return [max(text.split("…"), key=len).encode() for text in (*known.texts, *known.before_apache)]


def _time_of(line: bytes) -> str | None:
    found = _TIME.search(line, 0, 40)
    return found[0].decode().replace("T", " ").replace(".", ",") if found else None


def _blocks(source: IO[bytes]) -> Iterator[bytes]:
    """The source in blocks that end with a line."""
    rest = b""
    for chunk in _chunks(source):
        end = chunk.rfind(b"\n") + 1
        if not end and len(rest) < BLOCK:
            rest += chunk
            continue
        yield rest + chunk[:end]
        rest = chunk[end:]
    if rest:
        yield rest


def _chunks(source: IO[bytes]) -> Iterable[bytes]:
    return iter(lambda: source.read(BLOCK), b"")
