"""From what Apache's mqadmin prints, and from our JSON, to facts that can be compared: numbers, names, tuples of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rocketmq_ops.common.fastjson import loads

Facts = Any
FAILED = "failed"


class Answer(NamedTuple):
    """What one side did: its text (Java's, or our stderr), our JSON document, the exit code and what changed.

    `folder` is where the side's exports go.
    """

    text: str
    document: Any
    code: int
    effect: dict[tuple[Any, ...], Any]
    folder: Path

    @property
    def data(self) -> Any:
        return self.document["data"]


Read = Callable[[Answer], Facts]


def value(text: str) -> Any:
    """A cell: a whole number where it is one."""
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def columns(*places: int, header: str = "#", width: int = 0) -> Read:
    """The given cells of each row below the line that begins with `header`, up to an empty line; sorted.

    `width`: how many words a row has at least; others (notes among the rows) are passed over.
    """

    def read(answer: Answer) -> Facts:
        lines = iter(answer.text.splitlines())
        for line in lines:
            if line.startswith(header):
                break
        rows = []
        for line in lines:
            if not line.strip():
                break
            words = line.split()
            if len(words) >= max(width, max(places) + 1):
                rows.append(tuple(value(words[place]) for place in places))
        return sorted(rows, key=repr)

    return read


def rows(path: str, *fields: str) -> Read:
    """The given fields of each element of a list in our data, sorted. A field `a.b` is field b of field a."""

    def read(answer: Answer) -> Facts:
        return sorted((tuple(at(row, field) for field in fields) for row in at(answer.data, path)), key=repr)

    return read


def at(data: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        data = data[int(name)] if isinstance(data, list) else data[name]
    return data


def lines(answer: Answer) -> Facts:
    """Java's lines that are not empty, sorted."""
    return sorted(line.strip() for line in answer.text.splitlines() if line.strip())


def each(path: str, field: str = "") -> Read:
    return lambda answer: sorted(at(row, field) for row in at(answer.data, path))


def done(answer: Answer) -> Facts:
    """Whether a change is reported as done: by Java's text without a stack trace, or by our status and exit code."""
    if answer.document is None:
        return manner(answer) not in ("a stack trace", "nothing")
    return answer.code == 0 and answer.document["status"] == "ok"


def manner(answer: Answer) -> str:
    """How Java's command ends: with a stack trace, without a word, or with its first sentence."""
    if re.search(r"(?m)^\s+at [\w.$/]+\(", answer.text):
        return "a stack trace"
    words = answer.text.strip()
    return words.splitlines()[0].strip() if words else "nothing"


def settings(*names: str) -> Read:
    """The value of each `name = value` in Java's text, by its section (`====<address>====`), for some names or all."""

    def read(answer: Answer) -> Facts:
        found: dict[str, dict[str, str]] = {}
        section = ""
        for line in answer.text.splitlines():
            if head := re.fullmatch(r"\s*=+\s*([^=]+?)\s*=+\s*", line):
                section = head[1]
            elif (pair := re.fullmatch(r"(\S+)\s+[=:]\s+(.*?)\s*", line)) and (not names or pair[1] in names):
                found.setdefault(section, {})[pair[1]] = pair[2]
        return found

    return read


def values(path: str, key: str, config: str, *names: str) -> Read:
    """As `settings`, from our data: a mapping of texts for each server."""

    def read(answer: Answer) -> Facts:
        return {
            at(server, key): {n: java_text(v) for n, v in at(server, config).items() if not names or n in names}
            for server in at(answer.data, path)
        }

    return read


def java_text(item: Any) -> str:
    return str(item).lower() if isinstance(item, bool) else str(item)


def message(answer: Answer) -> Facts:
    """A message as Java's queryMsg… prints it: place, tags, keys, and the groups that have it."""
    names = ("OffsetID", "Topic", "Tags", "Keys", "Queue ID", "Queue Offset", "CommitLog Offset", "Store Host")
    found = {name: re.search(rf"(?m)^{name}:\s+\[?(.*?)\]?$", answer.text) for name in names}
    tracks = re.findall(r"MessageTrack \[consumerGroup=([^,]+), trackType=(\w+)", answer.text)
    return [value(hit[1]) if hit else None for hit in found.values()], sorted(tracks)


def our_message(answer: Answer) -> Facts:
    (found,) = answer.data["messages"]
    fields = ("offsetMsgId", "topic", "tags", "keys", "queueId", "queueOffset", "commitLogOffset", "storeHost")
    place = [found["message"][field] for field in fields]
    place[3] = " ".join(place[3])
    return place, sorted((track["consumerGroup"], track["trackType"]) for track in found["tracks"])


def printed(answer: Answer) -> Facts:
    """Messages as printMsg prints them: id, queue, offset and body."""
    return sorted(
        (hit[1], int(hit[2]), int(hit[3]), hit[4].strip())
        for hit in re.finditer(
            r"MSGID: (\S+) MessageExt \[.*?queueId=(\d+),.*?queueOffset=(\d+),.*?\] BODY: (.*)", answer.text
        )
    )


def json_in(answer: Answer) -> Any:
    """The JSON that Java printed, however it is laid out."""
    start = min(place for place in (answer.text.find("{"), answer.text.find("[")) if place >= 0)
    return loads(answer.text[start:].encode())


def exported(file: str, facts: Callable[[Any], Facts]) -> Read:
    """Facts of the JSON file that the side's command has written into its folder."""
    return lambda answer: facts(loads((answer.folder / file).read_bytes()))
