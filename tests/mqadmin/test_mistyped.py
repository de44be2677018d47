"""Mistyped options: what is suggested instead."""

import pytest

from rocketmq_ops.common.nearest import nearest_name, nearest_names
from rocketmq_ops.mqadmin import declare, main, registry


def test_an_option_with_two_letters_exchanged_is_named_first(capsys):
    """Every option of every command, with each pair of neighbours; and one of each command through the command line."""
    for entry in registry.ENTRIES:
        found = declare.all_options(declare.declaration_of_entry(entry)).values()
        known = [name for _, option, _ in found for name in option.names if name.startswith("-")]
        mistyped = ""
        for name in known:
            for at in range(2, len(name) - 1) if name.startswith("--") else ():
                word = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
                if not any(other.startswith(word) for other in known):
                    assert nearest_name(word, known) == name, (entry.name, word)
                    mistyped, meant = word, name
        assert main.run([*entry.name.split(), mistyped]) in (2, 3)  # 3: unknown, of those for monitoring
        assert f"did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("--bogus", None),  # it is no more like --debug than anything else but for the dashes
        ("--xyz", None),
        ("-q", None),
        ("--addr", "--addressMap"),
        ("--time-out", "--timeout"),
        ("--time", "--timeout"),
        ("--namesr", "--namesrvAddr"),
        ("--clustr", "--clusterModel"),
        ("--n", "-n"),
        ("-N", "-n"),
    ],
)
def test_only_what_is_near_is_suggested_for_an_option(capsys, mistyped, meant):
    assert main.run(["topicList", mistyped, "x"]) == 2
    said = capsys.readouterr().err
    assert (f"did you mean {meant}?" in said) if meant else ("did you mean" not in said), said


def test_the_same_letters_come_before_more_of_them_in_order():
    assert nearest_names("--otpic", ["--toTopic", "--topic", "--group"], most=2) == ["--topic", "--toTopic"]
    assert nearest_names("--Lagn", ["--plan", "--lang"]) == ["--lang"]
    assert nearest_names("zzz", ["--plan"]) == []
