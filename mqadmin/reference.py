"""Writes docs/commands.md, docs/exit-codes.md and docs/schemas: `python -m rocketmq_ops.mqadmin.reference`.

With `--check` nothing is written, and the exit code says whether all are current.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.mqadmin import apache_commands, declare, exit_codes, man, registry, schemas
from rocketmq_ops.mqadmin.completion import table
from rocketmq_ops.mqadmin.lang import language, tr, tr_word
from rocketmq_ops.mqadmin.render.output import csv_columns, name_column

DOCS = Path(__file__).resolve().parent.parent / "docs"
OPTIONS = "../mqadmin/completion/options.tsv"

_HEAD = """# Commands of mqadmin

Generated from the declarations in `mqadmin/commands/` by `python -m rocketmq_ops.mqadmin.reference`.

Names, options and meaning are those of Apache RocketMQ's `mqadmin`. `mqadmin help` lists the commands,
`mqadmin help COMMAND` lists a command's options. A long option may be written with one dash, as for Apache's tool.

Each command says which versions of Apache's servers it works with. On another one the error names the feature, the
server's version and the first version that has it (exit code 14).

## Name servers and credentials

`-n` goes first, then `--profile`, the environment variables `ROCKETMQ_OPS_PROFILE` and `NAMESRV_ADDR`, a project
file, and the default profile: [connecting.md](connecting.md). No secret of a connection is given on the command line.

## Output

`--output table` (the default) is for people, close to what Apache's tool prints. `json` and `yaml` are one document:

| field | meaning |
|---|---|
| `command` | the command's name |
| `schemaVersion` | the version of the command's schema in [schemas](schemas); a breaking change has another |
| `status` | `ok`; `empty` (nothing there); `unchanged` (so already); `planned` (`--plan`); `partial` (see `errors`); \
`no_effect`; `failed` |
| `data` | the result, described with each command; null when it failed |
| `errors` | what failed: `target`, `cause`, `nextStep`, and `code` (the server's ResponseCode) where it answered |
| `notes` | what else is worth knowing; on stderr in the other forms |

`csv` has a header line, then a line for each row; nested values are JSON, unknown is empty. A value that is not known
is `unknown` in a table and null in JSON, never 0. `wide` is the table with more columns, `name` one name a line, for
`xargs`. More on all forms: [output.md](output.md). Exit codes: [exit-codes.md](exit-codes.md).

## Changes

`--plan` (or `--dry-run`) shows what would change and changes nothing. A setting not given keeps its value. After
a change the server is read again: what was accepted but reads back as before is an error (exit code 8).
Dangerous commands ask on a terminal, and every change is in a journal: [changes.md](changes.md).

## Options of every command

| option | meaning |
|---|---|
| `-n`, `--namesrvAddr ADDRS` | name servers, HOST:PORT, separated by `;` |
| `--output FORM` | `table`, `wide`, `json`, `yaml`, `csv` or `name` |
| `--query EXPR` | show what this JMESPath expression yields of `data`: [output.md](output.md) |
| `--watch [SECONDS]` | of commands that only read from servers: show it again and again, with what changed marked |
| `--profile NAME` | take addresses and credentials from this profile |
| `--addressMap ADDR=ADDR` | connect to the second address where the cluster says the first, as behind NAT |
| `--tls true` | connect with TLS: true, false, or a file of tls.client.* properties |
| `--credentials FILE` | YAML file with accessKey and secretKey; `-` asks for them |
| `--timeout MS` | timeout of each request in ms; default 5000 |
| `--debug` | print stack traces of failures |
| `-h`, `--help` | the command's options |
"""


def commands_markdown() -> str:
    """The text of docs/commands.md, or that page in the language of the reader, then without the types of results."""
    parts = [tr(_HEAD)]
    structs: dict[str, type[msgspec.Struct]] = {}
    for section in dict.fromkeys(entry.section for entry in registry.ENTRIES):
        parts.append(f"## {tr_word(section)}\n")
        for entry in registry.ENTRIES:
            if entry.section == section:
                parts.append(_command(entry, structs))
    if language() != "en":  # what the types say is for who reads documents with a program
        return "\n".join(parts)
    parts.append("## Types of the results\n")
    pending = list(structs.values())
    while pending:
        kind = pending.pop(0)
        for inner in _structs_in(kind):
            if inner.__name__ not in structs:
                structs[inner.__name__] = inner
                pending.append(inner)
    parts += [_struct(structs[name]) for name in sorted(structs)]
    return "\n".join(parts)


def _command(entry: registry.Entry, structs: dict[str, type[msgspec.Struct]]) -> str:
    declared = declare.declaration_of_entry(entry)
    structs[declared.result.__name__] = declared.result
    lines = [f"### {entry.name}", "", f"{tr_word(entry.summary)}{tr_word('.')}{_versions(entry)}", ""]
    text = tr_word(inspect.cleandoc(declared.function.__doc__ or ""))
    lines += [text, ""] if text else []
    if declared.example:
        lines += ["```", declared.example, "```", ""]
    options = declared.options()
    if options:
        lines += [tr("| option | meaning |"), "|---|---|"]
        lines += [_option(kind, option, default) for kind, option, default in options.values()]
    if declared.changes:
        lines.append(f"| `--plan`, `--dry-run` | {tr_word('show what would change and change nothing')} |")
    if declared.dangerous:
        lines.append(f"| `--yes` | {tr_word('do not ask on a terminal whether to do it')} |")
    lines.append("")
    for group, words in ((declared.one_of, "Exactly one of"), (declared.any_of, "At least one of")):
        for names in group:
            lines += [tr(f"{words} {', '.join(f'`{options[name][1].names[0]}`' for name in names)} is needed."), ""]
    columns = csv_columns(declared.result, declared.rows, declared.csv)
    facts = [
        f"`data`: {_link(declared.result)}.",
        f"CSV columns: {', '.join(f'`{column}`' for column in columns)}.",
        f"Schema: [{entry.name}]({schemas.file_name(entry.name)}).",
        f"Names: `{declared.name or name_column(columns)}`.",
    ]
    if more := declared.outputs[len(declare.OUTPUTS) :]:
        facts.append(f"Also `--output` {', '.join(f'`{form}`' for form in more)}.")
    lines.append((" " if language() == "en" else "").join(map(tr, facts)))
    return "\n".join(lines) + "\n"


def _versions(entry: registry.Entry) -> str:
    """Which versions of Apache's servers a command works with; nothing for one that asks no server."""
    if declare.declaration_of_entry(entry).offline:
        return ""
    last = apache_commands.until(entry.name)
    alias = " " + tr(f"Also `{entry.alias}`.") if entry.alias else ""
    versions = f"Apache {apache_commands.since(entry.name)}{f' to {last}' if last else ' and later'}."
    return f" **{tr(versions)}**{alias}"


def _option(kind: Any, option: declare.Opt, default: Any) -> str:
    value = option.metavar or declare.metavar_of(kind, option)
    names = ", ".join(f"`{name}`" for name in option.names)
    shown = f"{names} {value}" if value and not option.positional else names
    required = f" **{tr_word('required')}**" if default is inspect.Parameter.empty else ""
    return f"| {shown} | {tr_word(option.help)}{required} |".replace("true|false", "true\\|false")


def _struct(kind: type[msgspec.Struct]) -> str:
    text = re.sub(r"\bNone\b", "null", " ".join(inspect.cleandoc(kind.__doc__ or "").split()))
    for name, wire in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        text = text.replace(f"`{name}`", f"`{wire}`")
    lines = [f"### Type {kind.__name__}", "", text, ""]
    lines += ["| field | type |", "|---|---|"]
    hints = typing.get_type_hints(kind)
    for name, wire in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        lines.append(f"| `{wire}` | {_type(hints[name])} |")
    return "\n".join(lines) + "\n"


def _link(kind: type[msgspec.Struct]) -> str:
    if language() != "en":
        return f"`{kind.__name__}`"
    return f"[{kind.__name__}](#type-{kind.__name__.lower()})"


def _type(kind: Any) -> str:
    """A type in words, structs as links."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        rest = [part for part in arguments if part is not type(None)]
        text = " or ".join(_type(part) for part in rest)
        return f"{text}, or null" if len(rest) < len(arguments) else text
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"array of {_type(arguments[0])}"
    if origin is dict:
        return f"object: {_type(arguments[0])} to {_type(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _link(kind)
    words = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}
    return words.get(kind, getattr(kind, "__name__", str(kind)))


def _structs_in(kind: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs that the fields of a struct mention."""
    for hint in typing.get_type_hints(kind).values():
        todo = [hint]
        while todo:
            part = todo.pop()
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield part
            todo += typing.get_args(part)


def documents() -> dict[str, str]:
    """Path from docs/ -> the text that belongs there: the pages, and the table of options for completion."""
    texts = {"commands.md": commands_markdown(), "exit-codes.md": exit_codes.markdown(), OPTIONS: table.text()}
    for entry in registry.ENTRIES:
        declared = declare.declaration_of_entry(entry)
        schema = schemas.document_schema(entry, declared)
        texts[schemas.file_name(entry.name)] = schemas.schema_text(schema)
    texts |= {f"man/{name}": text for name, text in man.pages().items()}
    return texts


def stale() -> list[str]:
    """The files that do not hold what belongs there, and those in docs/schemas and docs/man that nothing belongs to."""
    texts = documents()
    named = [name for name in texts if not (DOCS / name).exists() or (DOCS / name).read_text("utf-8") != texts[name]]
    there = {f"schemas/{path.name}" for path in (DOCS / "schemas").glob("*.json")}
    there |= {f"man/{path.name}" for path in (DOCS / "man").glob("*.1")}
    return named + sorted(there - set(texts))


def broken_schemas(texts: dict[str, str]) -> list[str]:
    """A sentence for each schema of `texts` that is not compatible with the file, and has its version."""
    sentences = []
    for name, text in texts.items():
        path = DOCS / name
        if not name.startswith("schemas/") or not path.exists():
            continue
        before, after = msgspec.json.decode(path.read_bytes()), msgspec.json.decode(text)
        if schemas.version_of(before) >= schemas.version_of(after):
            found = schemas.incompatibilities(before, after)
            version = schemas.version_of(before) + 1
            if found:
                why = f"{after['title']}: {'; '.join(found)}"
                sentences.append(f"{why}: readers may break, so give its @command schema={version}")
    return sentences


def main(argv: list[str]) -> int:
    """Write all, or with `--check` compare them; 1 when one is not current, or a schema needs a new version."""
    if "--check" in argv:
        return 1 if stale() else 0
    texts = documents()
    broken = broken_schemas(texts)
    if broken:
        sys.stderr.write("\n".join(broken) + "\n")
        return 1
    for folder in ("schemas", "man"):
        (DOCS / folder).mkdir(exist_ok=True)
    for name in stale():
        if name in texts:
            (DOCS / name).write_text(texts[name], "utf-8")
        else:
            (DOCS / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
