"""The catalogue of a language: from an English text to its translation.

A key is a text of the source, with `{name}` for what an f-string fills in, and `{{` and `}}` for braces themselves. A
finished text is matched back to the key that it was made from: so layers below the command line write plain English
sentences, and know of no language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from rocketmq_ops.common.bounded import Bounded

#: Longer texts are no messages of ours, but data.
LONGEST = 8192
#: Characters around the fields by which a line of a result is known as one of ours.
LEAST_OF_A_LINE = 8
_FIELD = re.compile(r"\{(\w+)(!t)?\}")
_WORD = re.compile(r"[A-Za-z]+")
#: The field of a number where a key begins with it: `{count} files` is not what `no files` says.
_COUNT, _NUMBER = "count", re.compile(r"[0-9][0-9.,]*[kMGTPE]?")
#: Characters with a blank between them, and all next to which none of the first has one: punctuation is full-width.
_HAN, _LATIN = re.compile("[\u4e00-\u9fff]"), re.compile("[A-Za-z0-9]")
_WIDE = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")
#: What a key begins with that is put behind another text, as ` (2 of 3 queues are slow)` and `; offset 4 for 20 s`.
_BEHIND = (" ", "; ", ", ", ": ")
#: Translations that are kept.
_KEPT = 4096
#: No translation, and so none of its characters are a key's.
_NONE: tuple[int, str | None] = (0, None)


class Template(NamedTuple):
    """A key with fields: the literal pieces around them, the fields' names, and the translation."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]
    translation: str

    def match(self, text: str) -> dict[str, str] | None:
        """What the fields hold in `text`, each as short as can be; None where it is no text of this key."""
        if not self.names:
            return {} if text == self.pieces[0] else None
        first, *middle, last = self.pieces
        end = len(text) - len(last)
        if not (text.startswith(first) and text.endswith(last)) or end < len(first):
            return None
        values, at = [], len(first)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return None
            values.append(text[at:found])
            at = found + len(piece)
        values.append(text[at:end])
        if self.names[0] == _COUNT and not first and _NUMBER.fullmatch(values[0]) is None:
            return None
        return dict(zip(self.names, values, strict=True))


class Catalogue:
    """The translations of one language. A text that it does not know stays as it is."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._exact: dict[str, str] = {}
        templates: list[Template] = []
        for key, translation in texts.items():
            if "{" not in key and "}" not in key:  # most of them, and too many to look at each character
                self._exact[key] = _plain(translation)
                continue
            template = template_of(key, translation)
            if template.names:
                templates.append(template)
            else:
                self._exact[template.pieces[0]] = _plain(translation)
        self._by_word = _by_rarest_word(templates)
        #: What was said last: many ways to read a text share its parts.
        self._kept: Bounded[str, tuple[int, str]] = Bounded(_KEPT)
        behind = [template_of(key, text) for key, text in texts.items() if key.startswith(_BEHIND)]
        #: Those with two blanks are indented lines.
        self._behind = [each for each in behind if not each.pieces[0].startswith("  ")]

    def message(self, text: str) -> str:
        """A message: by itself, else its lines, else its parts at semicolons and colons; so are values of blanks."""
        return self._said(text)[1]

    def _said(self, text: str) -> tuple[int, str]:
        """A message, and how many of its characters belong to keys: the more, the better it is understood."""
        found = self._kept.get(text)
        if found is None:
            found = self._kept[text] = self._found(text)
        return found

    def _found(self, text: str) -> tuple[int, str]:
        covered, best = max(
            self._listed(text, "; ", "；"),
            self._headed(text),
            self._listed(text, ", ", "，"),
            self._weighed(text, nested=True),
            self._continued(text),
            key=lambda found: found[0],
        )
        if best is not None and covered * 2 >= len(text):
            return covered, best
        if "\n" in text:
            ways = [("\n", text.split("\n"))]
        else:
            ways = [("；", text.split("; ")), (": ", text.split(": ", 1))]
        # A key of few characters fits to much that is another's: what its parts say may be understood better.
        found = (0, text) if best is None else (covered, best)
        for joined, parts in ways:
            if len(parts) > 1:
                said = [self._said(part) for part in parts]
                found = max(found, (sum(c for c, _ in said), joined.join(t for _, t in said)), key=lambda each: each[0])
        return found

    def _listed(self, text: str, separator: str, joined: str) -> tuple[int, str | None]:
        """A list of messages of several words: one word may be a name of something."""
        parts = text.split(separator)
        if len(parts) == 1 or not all(" " in part for part in parts):
            return _NONE
        whole = [(self._headed(part), self._weighed(part, nested=True)) for part in parts]
        found = [max(either, key=lambda each: each[0]) for either in whole]
        translated = [part for _, part in found if part is not None]
        return (sum(weight for weight, _ in found), joined.join(translated)) if len(translated) == len(parts) else _NONE

    def _headed(self, text: str) -> tuple[int, str | None]:
        """What is said of something that stands before it, by its name or in words of ours: no part of a value."""
        head, colon, rest = text.partition(": ")
        if not colon or not head:
            return _NONE
        if head in self._exact and " " in head:
            covered, more = self._said(rest)
            return len(head) + covered, f"{self._exact[head]}: {more}"
        named: int = 0
        name: str | None = head
        if " " in head:  # of several things: each by itself
            named, name = max(
                self._listed(head, ", ", "，"), self._weighed(head, nested=True), key=lambda each: each[0]
            )
        covered, said = max(self._listed(rest, ", ", "，"), self._weighed(rest, nested=True), key=lambda each: each[0])
        return (named + covered, f"{name}: {said}") if name is not None and said is not None else _NONE

    def _continued(self, text: str) -> tuple[int, str | None]:
        """A message of ours with another behind it, which is no sentence by itself."""
        best = _NONE
        for template in self._behind:
            at = text.rfind(template.pieces[0], 1)
            values = template.match(text[at:]) if at > 0 else None
            if values is None:
                continue
            before, said = self._said(text[:at])
            if before:
                covered, more = self._filled(template, values, nested=True)
                best = max(best, (before + covered, _joined(said, more)), key=lambda found: found[0])
        return best

    def line(self, text: str) -> str:
        """A line of a result: by itself or not at all, and values stay. One word is a name."""
        found = self._whole(text, nested=False, least=LEAST_OF_A_LINE) if " " in text.strip() else None
        return text if found is None else found

    def word(self, text: str) -> str:
        """A text that is a key itself."""
        return self._exact.get(text, text)

    def _whole(self, text: str, *, nested: bool, least: int = 0) -> str | None:
        return self._weighed(text, nested=nested, least=least)[1]

    def _weighed(self, text: str, *, nested: bool, least: int = 0) -> tuple[int, str | None]:
        """The translation of a whole text, and how many characters of it belong to keys; None where no key fits."""
        exact = self._exact.get(text)
        if exact is not None:
            return len(text), exact
        if len(text) > LONGEST:
            return _NONE
        best: tuple[int, Template, dict[str, str]] | None = None
        for word in dict.fromkeys(_WORD.findall(text)):  # in order: of two that fit alike, what begins first
            for template in self._by_word.get(word, ()):
                weight = sum(map(len, template.pieces))
                if weight < least or (best is not None and weight <= best[0]):
                    continue
                values = template.match(text)
                if values is not None:
                    best = weight, template, values
        if best is None:
            return _NONE
        _, template, values = best
        return self._filled(template, values, nested=nested)

    def _filled(self, template: Template, values: Mapping[str, str], *, nested: bool) -> tuple[int, str]:
        """A translation with its values, and how many characters of the text belong to keys."""
        covered = sum(map(len, template.pieces))
        made = ""
        for at, part in enumerate(_parts(template.translation)):
            field = _FIELD.match(part) if at % 2 else None
            if field is None:
                made = _joined(made, _plain(part))
                continue
            value = values[field[1]]
            if field[2] or (nested and " " in value):
                more, value = self._said(value)
                covered += more
            made = _joined(made, value)
        return covered, made


def _joined(left: str, right: str) -> str:
    """Two parts of a sentence, one of them a value: a blank between Chinese and Latin, none within Chinese.

    What a value begins and ends with is not known where the sentence is translated: it may be a name, a number, or
    words that are translated too.
    """
    before, after = left[-1:], right[:1]
    if (_HAN.match(before) and _LATIN.match(after)) or (_LATIN.match(before) and _HAN.match(after)):
        return f"{left} {right}"
    if before == " " and _WIDE.match(left[-2:-1]) and _WIDE.match(after):
        return left[:-1] + right
    if after == " " and _WIDE.match(before) and _WIDE.match(right[1:2]):
        return left + right[1:]
    return left + right


def chinese() -> Catalogue:
    """The catalogue of Chinese."""
    return Catalogue(texts_of(Path(__file__).with_name("zh")))


def texts_of(folder: Path) -> dict[str, str]:
    """The entries of all files of a folder, by their keys."""
    import json

    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        texts.update(json.loads(path.read_text("utf-8")))
    return texts


def fields_of(text: str) -> list[str]:
    """The names of the fields of a key or a translation, in order."""
    return [_FIELD.match(part)[1] for part in _parts(text)[1::2]]  # type: ignore[index]


def template_of(key: str, translation: str) -> Template:
    """The template of an entry."""
    return Template(tuple(map(_plain, _parts(key)[::2])), tuple(fields_of(key)), translation)


def _parts(text: str) -> list[str]:
    """Literal parts and fields in turn."""
    parts, literal, at = [], "", 0
    while at < len(text):
        field = _FIELD.match(text, at)
        if text.startswith(("{{", "}}"), at):
            literal += text[at : at + 2]
            at += 2
        elif field is not None:
            parts += [literal, field[0]]
            literal, at = "", field.end()
        else:
            literal += text[at]
            at += 1
    return [*parts, literal]


def _plain(literal: str) -> str:
    return literal.replace("{{", "{").replace("}}", "}")


def _by_rarest_word(templates: Iterable[Template]) -> dict[str, list[Template]]:
    """Each template under the one of its words that fewest of them have."""
    words = {template: _whole_words(template.pieces) for template in templates}
    count: dict[str, int] = {}
    for found in words.values():
        for word in found:
            count[word] = count.get(word, 0) + 1
    index: dict[str, list[Template]] = {}
    for template, found in words.items():
        if found:
            index.setdefault(min(found, key=lambda word: (count[word], word)), []).append(template)
    return index


def _whole_words(pieces: tuple[str, ...]) -> set[str]:
    """The words of the pieces that a field cannot be the beginning or the rest of."""
    found = set()
    for number, piece in enumerate(pieces):
        for word in _WORD.finditer(piece):
            joins_before = word.start() == 0 and number > 0
            joins_after = word.end() == len(piece) and number < len(pieces) - 1
            if not joins_before and not joins_after:
                found.add(word[0])
    return found
