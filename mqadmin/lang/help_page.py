"""A command's `--help` in Chinese: typer's page, with texts of the catalogue and lines broken by columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wcwidth import wcswidth

from rocketmq_ops.mqadmin.lang import tr
from rocketmq_ops.mqadmin.lang.wrapping import wrapped

#: Columns of the names of options at most, as typer has it; longer ones have a line of their own.
_NAMES = 30
_INDENT = "  "


def write(command: Any, context: Any, formatter: Any) -> None:
    """Write the page of a typer command into its formatter."""
    width = formatter.width
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    lines = [f"{tr('Usage')}：{usage}", ""]
    summary, _, text = (command.help or "").partition("\n\n")
    for paragraph in [tr(summary.removesuffix(".")) + "。", *tr(text).split("\n\n")]:
        if paragraph:
            lines += [_INDENT + line for line in wrapped(paragraph, width - len(_INDENT))] + [""]
    shown = [parameter for parameter in command.get_params(context) if parameter.get_help_record(context) is not None]
    for kind, title in (("argument", "Arguments"), ("option", "Options")):
        rows = [_row(each, context) for each in shown if each.param_type_name == kind]
        if rows:
            lines += [f"{tr(title)}：", *_listed(rows, width), ""]
    formatter.write("\n".join(lines[:-1]) + "\n")


def _row(parameter: Any, context: Any) -> tuple[str, str]:
    """The names of a parameter, and what it means."""
    needed = f"  [{tr('required')}]" if parameter.required else ""
    return parameter.get_help_record(context)[0], tr(parameter.help or "") + needed


def _listed(rows: Iterable[tuple[str, str]], width: int) -> list[str]:
    """Two columns, the first as wide as it has to be."""
    rows = list(rows)
    column = min(max(wcswidth(name) for name, _ in rows), _NAMES) + len(_INDENT)
    lines = []
    for name, meaning in rows:
        texts = wrapped(meaning, max(width - column - len(_INDENT), 20))
        if wcswidth(name) > _NAMES:
            lines.append(_INDENT + name)
        else:
            lines.append(f"{_INDENT}{name:<{column}}{texts.pop(0) if texts else ''}".rstrip())
        lines += [" " * (column + len(_INDENT)) + text for text in texts]
    return lines
