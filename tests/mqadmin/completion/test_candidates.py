"""What may stand at the cursor, without a shell and without a cluster."""

from __future__ import annotations

import pytest

from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.completion import complete, table

NAMES = {
    "topic": ["%RETRY%G", "Orders", "Other"],
    "group": ["G"],
    "cluster": ["DefaultCluster"],
    "broker": ["broker-a"],
    "address": ["127.0.0.1:10911", "[::1]:10911"],
    "brokerConfig": ["brokerName", "fileReservedTime"],
    "profile": ["dev", "prod"],
}


def live(namesrv: str | None, profile: str | None) -> dict[str, list[str]]:
    """The names, and as a topic what the command line says of the cluster."""
    return NAMES | {"topic": [*NAMES["topic"], f"of:{namesrv}:{profile}"]}


def values(*words: str) -> list[str]:
    return [value for value, _ in complete.candidates(list(words), live)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["topicR"], ["topicRoute"]),
        (["sto"], ["store"]),
        (["store", "ch"], ["check"]),
        (["profile", "u"], ["use"]),
        (["hel"], ["help"]),
        (["help", "topicR"], ["topicRoute"]),
        (["help", "store", "ch"], ["check"]),
        (["help", "topicRoute", ""], []),
        (["nonsense", ""], []),
        (["topicRoute", "-t", "O"], ["Orders", "Other"]),
        (["topicRoute", "--topic", "Or"], ["Orders"]),
        (["topicRoute", "-topic", "Or"], ["Orders"]),
        (["topicRoute", "--topic=Or"], ["--topic=Orders"]),
        (["topicRoute", "-t", "%"], ["%RETRY%G"]),
        (["topicRoute", "-n", "a:1", "--profile=p", "-t", "of"], ["of:a:1:p"]),
        (["topicRoute", "--to"], ["--topic"]),
        (["topicRoute", "-t", "T", "--to"], []),
        (["topicRoute", "-t", "T", "--output", "j"], ["json", "java"]),
        (["topicRoute", "--profile", ""], ["dev", "prod"]),
        (["consumerProgress", "-g", ""], ["G"]),
        (["getBrokerConfig", "-c", ""], ["DefaultCluster"]),
        (["getBrokerConfig", "-b", "["], ["[::1]:10911"]),
        (["wipeWritePerm", "-b", ""], ["broker-a"]),
        (["updateBrokerConfig", "-k", "file"], ["fileReservedTime"]),
        (["profile", "use", "p"], ["prod"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["store", "check", ""], [complete.FILES]),
        (["topicList", "--credentials", ""], [complete.FILES]),
    ],
)
def test_candidates(words: list[str], expected: list[str]) -> None:
    assert values(*words) == expected


def test_all_commands_are_offered_with_their_summaries() -> None:
    offered = dict(complete.candidates([""], live))
    assert set(offered) == {entry.name.split(" ")[0] for entry in registry.ENTRIES} | {"help"}
    assert offered["topicRoute"] == registry.BY_NAME["topicRoute"].summary


def test_an_empty_word_shows_the_long_options_and_a_dash_and_letter_the_short_ones() -> None:
    assert values("topicRoute", "")[:2] == ["--topic", "--list"]
    assert values("topicRoute", "-t") == ["-t"]


@pytest.mark.parametrize(
    ("word", "offered"),
    [
        ("", {"--plan"}),
        ("-", {"--plan"}),
        ("--", {"--plan"}),
        ("--p", {"--plan"}),
        ("--d", {"--dry-run"}),
        ("--dry-run", {"--dry-run"}),
        ("-n", set()),
    ],
)
def test_of_several_spellings_the_first_long_one_is_offered_until_another_is_begun(
    word: str, offered: set[str]
) -> None:
    assert {"--plan", "--dry-run"} & set(values("deleteTopic", word)) == offered
    assert {"--plan", "--dry-run"} & set(values("deleteTopic", "--dry-run", word)) == set()


def test_no_spelling_with_a_blank_is_offered() -> None:
    for entry in registry.ENTRIES:
        for word in ("", "-", "--", "-m", "--m", "--p"):
            assert not [name for name in values(*entry.name.split(), word) if " " in name]


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        (["getBrokerConfig", "-b", "127.0.0.1", ":", "109"], ["getBrokerConfig", "-b", "127.0.0.1:109"]),
        (["getBrokerConfig", "-b", "127.0.0.1", ":"], ["getBrokerConfig", "-b", "127.0.0.1:"]),
        (["x", "--topic", "=", "Or"], ["x", "--topic=Or"]),
        (["x", "-t", "'Or"], ["x", "-t", "Or"]),
        (["x", ""], ["x", ""]),
    ],
)
def test_what_bash_cuts_is_put_together(words: list[str], joined: list[str]) -> None:
    assert complete.joined(words) == joined


def test_every_option_has_its_line_and_kinds_are_known() -> None:
    kinds = {"topic", "group", "cluster", "broker", "address", "brokerConfig", "namesrvConfig", "profile", "file"}
    lines = [line.split("\t") for line in table.text().splitlines()]
    assert {line[0] for line in lines} == {entry.name for entry in registry.ENTRIES}
    assert {line[2][1:] for line in lines if line[2].startswith("@")} == kinds
    assert all(len(line) == 4 for line in lines)


@pytest.mark.parametrize("arguments", [[], ["bash"], ["tcsh", "x"], ["zsh", "topicRoute", "\udcff"]])
def test_nothing_fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert complete.main(arguments) == 0
    assert capsys.readouterr().err == ""
