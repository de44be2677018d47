"""`mqadmin help TOPIC`, and the manual pages."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.mqadmin import declare, man, registry
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.explain import help_topics
from tests.mqadmin.conftest import Cli


@pytest.mark.parametrize("name", help_topics.TOPICS)
def test_a_topic_prints_its_page(name: str, cli: Cli) -> None:
    page = Path(shipped_path(f"docs/{help_topics.TOPICS[name].page}")).read_text("utf-8")
    for words in (name.split(), [name.replace(" ", "-").upper()]):
        ran = cli(None, "help", *words)
        assert (ran.code, ran.out, ran.err) == (0, page, "")


def test_topics_are_listed_and_are_no_commands(cli: Cli) -> None:
    ran = cli(None, "help", "topics")
    assert ran.code == 0
    for name, topic in help_topics.TOPICS.items():
        assert f"  {name} " in ran.out and topic.about in ran.out
        assert registry.find(name.split()) is None and not registry.group_members(name.split()[0])
    assert "help topics" in cli(None, "help").out
    unknown = cli(None, "help", "nothing")
    assert (unknown.code, unknown.out) == (ExitCode.USAGE, "")


@pytest.mark.parametrize("page", ["offsets.md", "permissions.md", "messages.md", "shell.md"])
def test_command_lines_of_the_pages_can_be_given(page: str) -> None:
    text = Path(shipped_path(f"docs/{page}")).read_text("utf-8")
    lines = re.findall(r"(?:`|^|\| |\$ )mqadmin ((?!help\b)[a-z]\w*[^`\n]*)", text, re.MULTILINE)
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        found = registry.find(words)
        assert found is not None, line
        module = importlib.import_module(f"rocketmq_ops.mqadmin.commands.{found[0].module}")
        every = declare.all_options(declare.declaration_of(module))
        names = {name for _, option, _ in every.values() for name in option.names}
        assert {word for word in found[1] if re.fullmatch("--?[A-Za-z]+", word)} <= names, line


def test_there_is_a_manual_page_of_every_command() -> None:
    pages = man.pages()
    assert set(pages) == {"mqadmin.1"} | {f"{man.page_name(entry)}.1" for entry in registry.ENTRIES}
    for entry in registry.ENTRIES:
        assert rf".BR {man.page_name(entry)} (1)".replace("-", r"\-") in pages["mqadmin.1"]
        declared = declare.declaration_of(importlib.import_module(f"rocketmq_ops.mqadmin.commands.{entry.module}"))
        for _, option, _ in declared.options().values():
            assert rf"\fB{option.names[0]}\fR".replace("-", r"\-") in pages[f"{man.page_name(entry)}.1"]


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_groff_reads_the_pages_without_a_warning(tmp_path: Path) -> None:
    for name, text in man.pages().items():
        (tmp_path / name).write_text(text, "utf-8")
    pages = sorted(map(str, tmp_path.glob("*.1")))
    ran = subprocess.run(["groff", "-man", "-Tutf8", "-K", "utf8", "-ww", *pages], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr.decode()) == (0, "")
    shown = re.sub("\x1b\\[[0-9;]*m|.\x08", "", ran.stdout.decode())
    assert "mqadmin-topicRoute - show which brokers hold a topic" in " ".join(shown.replace("\u2212", "-").split())
