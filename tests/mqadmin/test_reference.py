"""The generated documents are current, and JSON output has the fields that they tell."""

from __future__ import annotations

import json

import msgspec
import pytest

from rocketmq_ops.mqadmin import reference, registry
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster


@pytest.mark.parametrize("name", ["commands.md", "exit-codes.md"])
def test_documents_are_current(name: str) -> None:
    assert reference.is_current(name), "run `python -m rocketmq_ops.mqadmin.reference`"


def test_every_command_has_its_entry() -> None:
    text = reference.commands_markdown()
    for entry in registry.ENTRIES:
        assert f"### {entry.name}\n" in text


def test_the_document_of_json_output_is_the_documented_one(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("T")
    ran = cli(cluster.transport, "topicRoute", "-n", cluster.namesrv, "-t", "T", "--output", "json")
    document = json.loads(ran.out)
    assert list(document) == ["command", "status", "data", "errors", "notes"]
    from rocketmq_ops.client.admin.topic import TopicRoute

    assert list(document["data"]) == list(TopicRoute.__struct_encode_fields__)
    assert msgspec.convert(document["data"], TopicRoute, strict=False).topic == "T"
