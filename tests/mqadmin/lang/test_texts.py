"""Every text that code makes for people has Chinese, with the same fields, and the catalogue holds nothing else."""

from __future__ import annotations

import ast
import errno
import json
import os
import re
from collections import Counter

import pytest

from rocketmq_ops.mqadmin.lang.catalogue import fields_of
from tests.mqadmin.lang import source_texts
from tests.mqadmin.lang.not_translated import NOT_READ, NOT_TRANSLATED

CATALOGUE = source_texts.ROOT / "mqadmin" / "lang" / "zh"
FOLDERS = ("client", "common", "housekeeping", "mqadmin", "remoting", "store", "tui")
#: Files of texts that are found in the source as sentences; those of single words and headings; the system's words.
SENTENCES, WORDS, SYSTEM = (
    ("client", "common", "housekeeping", "mqadmin", "remoting", "store", "tui"),
    ("headings", "words"),
    "system",
)


def entries(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((CATALOGUE / f"{name}.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def read() -> dict[str, str]:
    """Each text that people read -> where it stands."""
    found: dict[str, str] = {}
    for path in source_texts.modules(*FOLDERS):
        name = path.relative_to(source_texts.ROOT).as_posix()
        if not name.startswith(tuple(NOT_TRANSLATED)):
            unread = NOT_READ.get(name, frozenset())
            for key, line in source_texts.texts_of(path):
                if key not in unread:
                    found.setdefault(key, f"{name}:{line}")
    return found


@pytest.fixture(scope="module")
def literals() -> set[str]:
    """All literal texts of the command line's source, and headings that are made of the names of fields."""
    found: set[str] = set()
    for path in source_texts.modules(*FOLDERS):
        for node in ast.walk(source_texts.parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {
                    node.value,
                    node.value.upper(),
                    "#" + " ".join(word.capitalize() for word in node.value.split("_")),
                }
    return found


def test_every_text_has_chinese(read: dict[str, str]) -> None:
    known = {key for path in CATALOGUE.glob("*.json") for key in entries(path.stem)}
    assert {key: place for key, place in read.items() if key not in known} == {}


def test_no_text_says_both_one_and_many(read: dict[str, str]) -> None:
    """`3 message(s)`, `1 messages`: see `common/plurals.py`."""
    assert [key for key in read if re.search(r"\w\(e?s\)|\b1 \w+s\b(?<!ss)", key)] == []


def test_no_sentence_of_the_catalogue_is_out_of_use(read: dict[str, str]) -> None:
    assert [key for name in SENTENCES for key in entries(name) if key not in read] == []


def test_no_word_of_the_catalogue_is_out_of_use(literals: set[str]) -> None:
    assert [key for name in WORDS for key in entries(name) if key not in literals] == []


def test_the_words_of_the_system_are_its_own() -> None:
    assert set(entries(SYSTEM)) <= {os.strerror(number).lower() for number in errno.errorcode}


def test_what_no_reader_meets_is_in_the_source() -> None:
    for name, keys in NOT_READ.items():
        there = {key for key, _ in source_texts.texts_of(source_texts.ROOT / name)}
        assert keys - there == set(), name


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted(CATALOGUE.glob("*.json"))])
def test_a_translation_has_the_fields_of_its_key_and_can_be_shown(path: source_texts.Path) -> None:
    texts = entries(path.stem)
    assert path.read_text("utf-8") == json.dumps(texts, ensure_ascii=False, indent=2) + "\n", "as json.dumps writes it"
    for key, translation in texts.items():
        assert sorted(fields_of(translation)) == sorted(fields_of(key)), key
        assert translation.strip()
        translation.encode("gbk")


def test_a_key_has_words_that_tell_it_from_others() -> None:
    """`{a} on {b}` would be found in sentences of every kind."""
    small = {"a", "an", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "with"}
    for name in SENTENCES:
        for key in entries(name):
            words = re.findall(r"[a-z]+", re.sub(r"\{\w+\}", " ", key.lower()))
            assert set(words) - small, key


def test_a_key_stands_in_one_file() -> None:
    count = Counter(key for path in CATALOGUE.glob("*.json") for key in json.loads(path.read_text("utf-8")))
    assert [key for key, times in count.items() if times > 1] == []
