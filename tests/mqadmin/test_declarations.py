"""Each command's declaration against Apache's option tables, and the help that is made of it."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.mqadmin import declare, registry
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.store.config import MessageStoreConfig
from tests.golden_data import facts

# As 5.3.3 has them, and the commands that only another version has.
APACHE = {e["name"]: e for version in ("4.9.7", "5.5.0", "5.3.3") for e in facts(version, "mqadmin-commands")}
VERSIONS = ("4.9.7", "5.3.3", "5.5.0")
TABLES = {version: {e["name"]: e for e in facts(version, "mqadmin-commands")} for version in VERSIONS}
#: Options of 4.9.7 whose name means something else since: there `-c` is a flag, here a cluster.
FORMER = {("resetOffsetByTime", "cplus")}
DECLARED = [entry for entry in registry.ENTRIES if entry.name in APACHE]


def declaration(entry: registry.Entry) -> declare.Declaration:
    return declare.declaration_of(importlib.import_module(f"rocketmq_ops.mqadmin.commands.{entry.module}"))


def built(entry: registry.Entry) -> Any:
    return declare.build(entry.name, declaration(entry), entry.summary, lambda *_: 0)


def test_the_registry_has_every_command_of_apaches_once() -> None:
    names = [entry.name for entry in registry.ENTRIES]
    assert len(names) == len(set(names))
    assert set(APACHE) <= set(names)


@pytest.mark.parametrize("entry", DECLARED, ids=lambda entry: entry.name)
def test_options_are_apaches(entry: registry.Entry) -> None:
    command = built(entry)
    parameters = {frozenset(parameter.opts): parameter for parameter in command.params}
    told = [table[entry.name] for table in TABLES.values() if entry.name in table]
    # What one version requires and a later one does not, is not.
    needed = {option["long"] for option in told[-1]["options"] if option["required"]}
    for option in (option for version in told for option in version["options"]):
        if (entry.name, option["long"]) in FORMER:
            continue
        names = {f"--{option['long'].strip()}"} | ({f"-{option['short']}"} if option["short"] else set())
        if option["long"] == "nameserverAddr":  # `-n` of every command, that may be set elsewhere too
            assert frozenset({*names, "--namesrvAddr"}) in parameters, f"{entry.name} lacks {sorted(names)}"
            continue
        # A name with a blank, which only quotes keep together, has one without it beside it.
        parameter = next((found for all_names, found in parameters.items() if names <= all_names), None)
        assert parameter is not None, f"{entry.name} lacks {sorted(names)}"
        assert parameter.is_flag is not option["arg"], f"{entry.name} {sorted(names)}: takes an argument"
        assert parameter.nargs == 1
        required = option["long"] in needed and not _given_otherwise(entry, parameter.name)
        assert parameter.required is required, f"{entry.name} {sorted(names)}: required"


def _given_otherwise(entry: registry.Entry, parameter: str) -> bool:
    """Whether one option of a group that the parameter is in is needed: a secret may come from elsewhere."""
    return any(parameter in group for group in declaration(entry).one_of)


@pytest.mark.parametrize("entry", DECLARED, ids=lambda entry: entry.name)
def test_alternatives_are_apaches(entry: registry.Entry) -> None:
    told = declaration(entry)
    options = told.options()
    theirs_have = {f"-{option['short']}" for option in APACHE[entry.name]["options"]}
    groups = [{options[name][1].names[0] for name in group} & theirs_have for group in told.one_of]
    ours = {frozenset(group) for group in groups if len(group) > 1}
    theirs: set[frozenset[str]] = set()
    for option in APACHE[entry.name]["options"]:
        if option.get("oneOfRequired"):
            theirs.add(frozenset(f"-{name}" for name in option["oneOf"].strip("[]").split(", ")))
    assert ours == theirs


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_no_two_options_share_a_name(entry: registry.Entry) -> None:
    names = [name for parameter in built(entry).params for name in parameter.opts]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_help_tells_every_option(entry: registry.Entry, capsys: pytest.CaptureFixture[str]) -> None:
    assert mqadmin.run(["help", entry.name]) == 0
    told = capsys.readouterr().out
    assert f"Usage: mqadmin {entry.name}" in told
    assert " ".join(entry.summary.split()) in " ".join(told.split())
    for parameter in built(entry).params:
        assert (parameter.opts[0] if parameter.param_type_name == "option" else parameter.metavar) in told


@pytest.mark.parametrize("entry", DECLARED, ids=lambda entry: entry.name)
def test_every_command_has_an_example_of_its_own(entry: registry.Entry) -> None:
    assert declaration(entry).example.startswith(f"mqadmin {entry.name}")


def test_the_listing_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["help"], ["--help"], ["-h"]):
        assert mqadmin.run(arguments) == 0
        told = capsys.readouterr().out
        assert all(f"  {entry.name} " in told for entry in registry.ENTRIES)


def test_single_dash_long_options_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    entry = registry.BY_NAME["updateTopic"]
    argv = ["-topic", "T", "-o", "true", "-clusterName=C", "-namesrvAddr", "h:1", "-order"]
    assert declare.single_dash_longs(declaration(entry), argv) == [
        *("--topic", "T", "-o", "true", "--clusterName=C", "--namesrvAddr", "h:1", "--order")
    ]


def _store_options() -> list[tuple[str, declare.Opt]]:
    return [
        (entry.name, option)
        for entry in registry.ENTRIES
        if entry.name.startswith("store ")
        for _, option, _ in declaration(entry).options().values()
    ]


def test_the_store_commands_spell_an_option_in_one_way() -> None:
    """What is a configuration key has that key's spelling, and no name is spelt with other letters elsewhere."""
    spellings: dict[str, set[str]] = {}
    for _, option in _store_options():
        for name in option.names:
            if name.startswith("--"):
                spellings.setdefault(name.replace("-", "").lower(), set()).add(name)
    assert {bare: names for bare, names in spellings.items() if len(names) > 1} == {}
    keys = {name.lower(): name for name in MessageStoreConfig.__struct_fields__}
    for bare, names in spellings.items():
        if bare in keys:
            assert names == {f"--{keys[bare]}"}
    assert "maxhashslotnum" in spellings


def test_a_choice_that_there_is_not_is_a_usage_error(cli: Any) -> None:
    tried = 0
    for entry in registry.ENTRIES:
        for _, option, _ in declaration(entry).options().values():
            words = getattr(option.parse, "words", None)
            if words is None:
                continue
            given = [] if option.positional else [option.names[0]]
            fill = [
                getattr(other.parse, "words", [str(i)])[0]
                for i, (_, other, _) in enumerate(declaration(entry).options().values())
                if other.positional and other.names != option.names
            ]
            ran = cli(None, *entry.name.split(), *fill, *given, "nowhere")
            assert ran.code == ExitCode.USAGE, (entry.name, option.names, ran.err)
            assert "'nowhere' is not one of" in ran.err
            tried += 1
    assert tried >= 6
    for wrong in (["store", "explain", "CL-NOTHING"], ["store", "check", "x", "--messageDelayLevel", "1x"]):
        assert cli(None, *wrong).code == ExitCode.USAGE


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_every_option_is_read(entry: registry.Entry) -> None:
    """An option that is taken and not looked at says that something was done which was not."""
    told = declaration(entry)
    tree = ast.parse(textwrap.dedent(inspect.getsource(told.function)))
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert set(told.options()) <= read


# One name with several meanings, or in Apache's tool with several short names.
HOMONYMS = {
    "--showDetail": "-d of brokers, -s of a client",
    "--resources": "several to decide on; one to delete",
    "--topic": "a topic's name; topics alone in exportMetadata",
    "--force": "Apache's of resets, with a value; of changes that would lose something",
    "--brokerId": "to consume from; of the replica to be master",
    "--key": "of a configuration, of a message to send, to look for in a store",
    "--brokerName": "-b; -a in printMsgByQueue; -bn in two commands of controllers",
    "--clientId": "-d; -i in consumerStatus; -c of lite topics",
    "--configType": "one table, or several",
    "--maxNum": "-m, and -c in queryMsgTraceById",
    "--offset": "in a queue; where a record begins; a range of the commitlog",
    "--queue-offset": "one; a range",
    "--broker": "an address; a name to send to; versions of Apache's broker",
    "--body": "the text to send; the form to show it in",
    "--beginTimestamp": "-b, and -s in consumeMessage",
    "--attributes": "-a, and none in updateSubGroup",
    "--for": "whose sizes to propose; the version that reads a file",
    "--store": "a broker's store, whose mount is looked at; a store to examine",
    "--since": "the beginning of a stretch of time; of the files that are checked",
    "--apart": "seconds between the readings of a bundle, which has two; of an examination, which has one",
    "--end": "stored until; of a silence",
    "--config": "-c in dev, as mqbroker has it; none in doctor, where -c is a cluster",
}


def _declared_names() -> dict[str, list[tuple[str, ...]]]:
    """The last name of each option that a source file of mqadmin declares -> all names of each declaration."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for path in sorted(Path(declare.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Opt":
                names = tuple(a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))
                if names:
                    found.setdefault(names[-1], []).append(names)
    return found


def test_an_option_is_declared_once() -> None:
    """What several commands have stands in options/, and a name that is declared twice has two meanings."""
    declared = _declared_names()
    assert {name for name, all_names in declared.items() if len(all_names) > 1} == set(HOMONYMS)
    assert len(declared) > 100


def test_a_name_is_spelt_in_one_way() -> None:
    """No two options of any commands differ in dashes or case alone, and one name means one type of value."""
    spellings: dict[str, set[str]] = {}
    kinds: dict[str, set[tuple[Any, Any, str | None]]] = {}
    for entry in registry.ENTRIES:
        for kind, option, _ in declaration(entry).options().values():
            for name in option.names:
                if name.startswith("--"):
                    spellings.setdefault(name.replace("-", "").lower(), set()).add(name)
                    inner = kind if kind is bool else getattr(kind, "__args__", (kind,))[0]
                    kinds.setdefault(name, set()).add((inner, option.parse, declare.metavar_of(kind, option)))
    assert {bare: names for bare, names in spellings.items() if len(names) > 1} == {}
    assert {name for name, found in kinds.items() if len(found) > 1} <= set(HOMONYMS)
