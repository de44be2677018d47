"""The generated documents are current, and JSON output has the fields that they tell."""

from __future__ import annotations

import json

import msgspec

from rocketmq_ops.mqadmin import apache_commands, reference, registry
from tests.golden_data import facts
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster


def test_documents_are_current() -> None:
    assert not reference.stale(), "run `python -m rocketmq_ops.mqadmin.reference`"


def test_schemas_are_compatible_with_those_that_are_committed_or_have_a_new_version() -> None:
    assert not reference.broken_schemas(reference.documents())


def test_every_command_has_its_entry() -> None:
    text = reference.commands_markdown()
    for entry in registry.ENTRIES:
        assert f"### {entry.name}\n" in text


def test_the_document_of_json_output_is_the_documented_one(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T")
    ran = cli(cluster.transport, "topicRoute", "-n", cluster.namesrv, "-t", "T", "--output", "json")
    document = json.loads(ran.out)
    assert list(document) == ["command", "schemaVersion", "status", "data", "errors", "notes"]
    from rocketmq_ops.client.admin.topics.topic import TopicRoute

    assert list(document["data"]) == list(TopicRoute.__struct_encode_fields__)
    assert msgspec.convert(document["data"], TopicRoute, strict=False).topic == "T"


def test_the_versions_of_a_command_are_those_of_the_jars() -> None:
    """In each version whose option tables were read, a command is there exactly if `since` and `until` say so."""

    def number(text: str) -> tuple[int, ...]:
        return tuple(map(int, text.split(".")))

    tables = {v: {entry["name"] for entry in facts(v, "mqadmin-commands")} for v in ("4.9.7", "5.3.3", "5.5.0")}
    for version, names in tables.items():
        for name in set().union(*tables.values()):
            first, last = apache_commands.since(name), apache_commands.until(name) or "99.0.0"
            assert (name in names) is (number(first) <= number(version) <= number(last)), (version, name)
