"""The pages of `mqadmin help TOPIC` in Chinese: section by section what the English pages hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.mqadmin import lang
from rocketmq_ops.mqadmin.explain import help_topics
from tests.mqadmin.conftest import Cli
from tests.mqadmin.lang.slips import is_chinese, slips

#: Made anew for each reader.
GENERATED = {"exit-codes.md", "commands.md"}
WRITTEN = sorted({topic.page for topic in help_topics.TOPICS.values()} - GENERATED)


class Section(NamedTuple):
    """A heading's level and title, the text below it, its blocks of code without comments, its items and rows."""

    level: int
    title: str
    text: str
    code: list[str]
    items: int


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    lang.begin([], {})


def sections(page: str) -> list[Section]:
    codes = re.findall(r"^```.*?^```$", page, re.DOTALL | re.MULTILINE)
    found = []
    for part in re.split(
        r"^(?=#+ )", re.sub(r"^```.*?^```$", "CODE", page, flags=re.DOTALL | re.MULTILINE), flags=re.MULTILINE
    ):
        if part:
            marks, title = part.split("\n", 1)[0].split(" ", 1)
            text = part.split("\n", 1)[1]
            here = [re.sub(r"\s+# .*", "", codes.pop(0)) for _ in range(text.count("CODE\n"))]
            items = len(re.findall(r"^(?:\||- |\d\. )", text, re.MULTILINE))
            found.append(Section(len(marks), title, text, here, items))
    return found


@pytest.mark.parametrize("name", WRITTEN)
def test_a_page_says_what_the_english_one_says(name: str) -> None:
    english, chinese = (
        sections(Path(shipped_path(path)).read_text("utf-8")) for path in (f"docs/{name}", f"docs/zh/{name}")
    )
    assert [section.level for section in english] == [section.level for section in chinese]
    for before, after in zip(english, chinese, strict=True):
        assert before.code == after.code, after.title
        assert before.items == after.items, after.title
        assert not slips(before.text, after.text), f"{after.title}: {slips(before.text, after.text)}"
        paragraphs = [
            part for part in re.split(r"\n\n+", after.text) if re.search("[A-Za-z]{4}", part) and part != "CODE\n"
        ]
        for paragraph in paragraphs:
            assert is_chinese(paragraph) or paragraph.strip() == "CODE" or "`" in paragraph, paragraph


@pytest.mark.parametrize("name", help_topics.TOPICS)
def test_a_topic_prints_the_page(name: str, cli: Cli) -> None:
    topic = help_topics.TOPICS[name]
    ran = cli(None, "help", *name.split(), "--lang", "zh")
    assert (ran.code, ran.err) == (0, "")
    if topic.page not in GENERATED:
        assert ran.out == Path(shipped_path(f"docs/zh/{topic.page}")).read_text("utf-8")
    english = cli(None, "help", *name.split()).out
    headings = [re.findall(r"^#+ ", page, re.MULTILINE) for page in (ran.out, english.partition("\n## Types of")[0])]
    assert headings[0] == headings[1]
    prose = re.sub(r"^```.*?^```$", "", ran.out, flags=re.DOTALL | re.MULTILINE)
    assert [line for line in prose.splitlines() if re.match("[A-Za-z]{4}[^：`]*$", line) and not is_chinese(line)] == []


def test_links_lead_to_pages() -> None:
    folder = Path(shipped_path("docs/zh"))
    links = [
        (page, link)
        for page in folder.glob("*.md")
        for link in re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text("utf-8"))
    ]
    assert links
    generated = {"exit-codes.md"}
    assert [(page.name, link) for page, link in links if link not in generated and not (folder / link).exists()] == []
