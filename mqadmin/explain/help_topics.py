"""Pages that `mqadmin help TOPIC` prints: those of `docs` that are about using the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.mqadmin import lang


class Topic(NamedTuple):
    """One page: its file in `docs`, and what it is about."""

    page: str
    about: str


TOPICS: Final[dict[str, Topic]] = {
    "connecting": Topic("connecting.md", "name servers, profiles, credentials, clusters behind NAT"),
    "output": Topic("output.md", "forms of output, for people and for programs"),
    "exit codes": Topic("exit-codes.md", "what each exit code means"),
    "offsets": Topic("offsets.md", "offsets and lag, and how to set them"),
    "permissions": Topic("permissions.md", "of topics, brokers and accounts"),
    "messages": Topic("messages.md", "bodies, decoders, conditions, sending"),
    "filters": Topic("filters.md", "SQL92 expressions: what they mean, and the broker's side"),
    "lines": Topic("shell.md", "the shell: many commands in one process"),
    "inspector": Topic("inspector.md", "a store's files: listing, checking, SQL"),
    "recovery": Topic("salvage.md", "saving what can be saved of a damaged store"),
    "configuration": Topic("configuration.md", "every key of name server and broker"),
    "embedding": Topic("embedded-broker.md", "a name server and broker for development and CI"),
    "reference": Topic("commands.md", "every command, with its options and results"),
}


def find(words: list[str]) -> Topic | None:
    """The topic that these words name (`exit codes`, `exit-codes`), None for any other."""
    return TOPICS.get(" ".join(words).lower().replace("-", " ").replace("_", " "))


def text_of(topic: Topic) -> str:
    """The page in the language of the reader. Raises OSError where the installation lacks it."""
    if lang.language() == "en":
        return Path(shipped_path(f"docs/{topic.page}")).read_text("utf-8")
    if topic.page == "exit-codes.md":
        from rocketmq_ops.mqadmin import exit_codes

        return exit_codes.markdown()
    if topic.page == "commands.md":
        from rocketmq_ops.mqadmin import reference  # loads every command

        return reference.commands_markdown()
    return Path(shipped_path(f"docs/{lang.language()}/{topic.page}")).read_text("utf-8")


def listing() -> str:
    """All topics, a line each."""
    width = max(map(len, TOPICS))
    lines = [f"  {name:<{width}}  {lang.tr_word(topic.about)}" for name, topic in TOPICS.items()]
    lines = [lang.tr("Usage: mqadmin help TOPIC"), "", *lines, "", lang.tr("`mqadmin help` lists the commands.")]
    return "\n".join(lines) + "\n"
