"""The schemas of documents: what they say, and which changes need a new version."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from rocketmq_ops.mqadmin import reference, registry, schemas
from rocketmq_ops.mqadmin.declare import Declaration
from rocketmq_ops.mqadmin.render.outcome import Outcome
from tests.mqadmin.json_schema import problems
from tests.mqadmin.test_declarations import declaration


class Inner(msgspec.Struct, rename="camel"):
    """A row."""

    some_name: str
    size: int | None = None


class Tree(msgspec.Struct, rename="camel"):
    """A struct that mentions itself."""

    name: str
    children: list[Tree] = []


class Result(msgspec.Struct, rename="camel"):
    """The result."""

    rows: list[Inner]
    state: Literal["on", "off"] = "on"
    sizes: dict[str, int] = {}
    tree: Tree | None = None


ENTRY = registry.Entry("some thing", "", "Show some thing", "")


async def nothing(run: Any) -> Outcome:
    return Outcome(data=Result([]))


def made(result: type[msgspec.Struct] = Result, version: int = 1) -> Any:
    declared = Declaration(function=nothing, result=result, schema=version)
    return msgspec.json.decode(schemas.schema_text(schemas.document_schema(ENTRY, declared)))


def test_a_schema_holds_every_field_that_documents_have() -> None:
    schema = made()
    assert schema["properties"]["command"] == {"const": "some thing"}
    assert schema["$defs"]["Inner"]["required"] == ["someName", "size"]
    assert schema["$defs"]["Inner"]["properties"]["size"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert "nextStep" not in schema["$defs"]["Failure"]["required"], "left out where there is none"
    data = msgspec.to_builtins(Result([Inner("a")], tree=Tree("t", [Tree("u")])))
    envelope = {"command": "some thing", "schemaVersion": 1, "status": "ok", "data": data, "errors": [], "notes": []}
    assert problems(envelope, schema) == []
    del data["rows"][0]["size"]
    assert problems(envelope, schema) == ["$.data.rows[0].size is missing"]


def test_the_file_of_a_command_of_two_words() -> None:
    assert schemas.file_name("store check") == "schemas/store-check.json"


def test_nothing_differs_from_itself() -> None:
    assert schemas.incompatibilities(made(), made(version=2)) == []


def _without_a_field(schema: Any) -> None:
    del schema["$defs"]["Inner"]["properties"]["someName"]


def _maybe_missing(schema: Any) -> None:
    schema["$defs"]["Inner"]["required"].remove("someName")


def _another_type(schema: Any) -> None:
    schema["$defs"]["Inner"]["properties"]["someName"] = {"type": "integer"}


def _maybe_null(schema: Any) -> None:
    schema["$defs"]["Inner"]["properties"]["someName"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def _another_value_of_a_map(schema: Any) -> None:
    schema["$defs"]["Result"]["properties"]["sizes"]["additionalProperties"] = {"type": "string"}


def _deep_in_a_tree(schema: Any) -> None:
    schema["$defs"]["Tree"]["properties"]["children"]["items"] = {"type": "string"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_a_field, "data.rows[].someName is gone"),
        (_maybe_missing, "data.rows[].someName may be missing"),
        (_another_type, "data.rows[].someName is integer instead of string"),
        (_maybe_null, "data.rows[].someName may be null"),
        (_another_value_of_a_map, "data.sizes.* is string instead of integer"),
        (_deep_in_a_tree, "data.tree.children[] is string instead of object"),
    ],
)
def test_changes_that_readers_stumble_over(change: Callable[[Any], None], said: str) -> None:
    changed = copy.deepcopy(made())
    change(changed)
    assert schemas.incompatibilities(made(), changed) == [said]


def test_changes_that_readers_do_not_notice() -> None:
    changed = made()
    changed["$defs"]["Inner"]["properties"]["more"] = {"type": "integer"}
    changed["$defs"]["Inner"]["properties"]["size"] = {"type": "integer"}  # no longer unknown
    changed["$defs"]["Result"]["properties"]["state"]["enum"].append("asleep")
    changed["$defs"]["Inner"]["description"] = "Other words."
    assert schemas.incompatibilities(made(), changed) == []


def test_an_incompatible_change_is_not_written_without_a_new_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    name = schemas.file_name("some thing")
    (tmp_path / "schemas").mkdir()
    changed = made()
    _without_a_field(changed)
    (tmp_path / name).write_text(schemas.schema_text(made()), "utf-8")
    monkeypatch.setattr(reference, "documents", lambda: {name: schemas.schema_text(changed)})
    assert reference.main([]) == 1
    assert capsys.readouterr().err == (
        "mqadmin some thing: data.rows[].someName is gone: readers may break, so give its @command schema=2\n"
    )
    assert (tmp_path / name).read_text("utf-8") == schemas.schema_text(made())
    changed["properties"]["schemaVersion"]["const"] = 2
    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "schemas" / "gone.json").write_text("{}")
    assert reference.stale() == ["schemas/gone.json"]


@pytest.mark.parametrize("entry", registry.ENTRIES, ids=lambda entry: entry.name)
def test_every_result_has_a_schema_with_names_of_its_own(entry: registry.Entry) -> None:
    schema = schemas.document_schema(entry, declaration(entry))
    assert not [name for name in schema["$defs"] if "." in name or "_" in name], "two structs of one name"
