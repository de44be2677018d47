"""Manual pages of the commands, made of their declarations: `docs/man/mqadmin.1`, and one for each command."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

from rocketmq_ops.mqadmin import declare, exit_codes, registry
from rocketmq_ops.mqadmin.explain import help_topics

#: A command that has all options that are those of every command.
_ANY: Final = "updateTopic"


def pages() -> dict[str, str]:
    """File name below `docs/man` -> its text."""
    found = {"mqadmin.1": _overview()}
    for entry in registry.ENTRIES:
        found[f"{page_name(entry)}.1"] = _page(entry)
    return found


def page_name(entry: registry.Entry) -> str:
    """`mqadmin-store-check` of `store check`."""
    return "mqadmin-" + entry.name.replace(" ", "-")


def _overview() -> str:
    lines = [*_head("mqadmin", "administer Apache RocketMQ clusters"), ".SH SYNOPSIS", ".B mqadmin"]
    lines += [r"\fICOMMAND\fR [\fIOPTIONS\fR]", ".br", ".B mqadmin help", r"[\fICOMMAND\fR | \fITOPIC\fR]"]
    for section in dict.fromkeys(entry.section for entry in registry.ENTRIES):
        lines.append(f".SH {_plain(section).upper()}")
        for entry in registry.ENTRIES:
            if entry.section == section:
                lines += [".TP", rf".BR {_plain(page_name(entry))} (1)", _line(entry.summary)]
    declared = declare.declaration_of_entry(registry.BY_NAME[_ANY])
    lines += [
        ".SH OPTIONS",
        "Options of every command; those about plans and questions are of commands that change things.",
    ]
    for key, (kind, option, _) in declare.all_options(declared).items():
        if key not in declared.options():
            lines += _option(kind, option, None)
    lines.append(".SH TOPICS")
    for name, topic in help_topics.TOPICS.items():
        lines += [".TP", f".B {_plain(name)}", _line(topic.about)]
    lines.append(".SH EXIT STATUS")
    for code in exit_codes.ExitCode:
        lines += [".TP", f".B {code.value}", _line(exit_codes.MEANINGS[code])]
    lines += [".SH ENVIRONMENT", ".TP", ".B NAMESRV_ADDR", "name servers, HOST:PORT, separated by ';'"]
    lines += [".TP", ".B ROCKETMQ_OPS_PROFILE", "the profile to connect by"]
    return "\n".join(lines) + "\n"


def _page(entry: registry.Entry) -> str:
    declared = declare.declaration_of_entry(entry)
    own = declared.options()
    lines = _head(page_name(entry), entry.summary)
    lines += [".SH SYNOPSIS", f".B mqadmin {_plain(entry.name)}"]
    for _, option, default in own.values():
        if option.positional:
            name = rf"\fI{_plain(option.names[0])}\fR"
            lines.append(name if default is inspect.Parameter.empty else f"[{name}]")
    lines.append(r"[\fIOPTIONS\fR]")
    text = inspect.cleandoc(declared.function.__doc__ or "")
    if text:
        lines.append(".SH DESCRIPTION")
        for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
            lines += [".PP", _line(paragraph)] if number else [_line(paragraph)]
    lines.append(".SH OPTIONS")
    for kind, option, default in own.values():
        lines += _option(kind, option, default)
    lines += [".PP", _line("Options of every command are in"), r".BR mqadmin (1)."]
    for group, words in ((declared.one_of, "Exactly one of"), (declared.any_of, "At least one of")):
        for names in group:
            lines += [".PP", _line(f"{words} {', '.join(own[name][1].names[0] for name in names)} is needed.")]
    if declared.example:
        lines += [".SH EXAMPLE", ".nf", _plain(declared.example), ".fi"]
    lines += [".SH SEE ALSO", r".BR mqadmin (1)"]
    return "\n".join(lines) + "\n"


def _option(kind: Any, option: declare.Opt, default: Any) -> list[str]:
    value = option.metavar or declare.metavar_of(kind, option)
    names = ", ".join(rf"\fB{_plain(name)}\fR" for name in option.names)
    shown = rf"{names} \fI{_plain(value)}\fR" if value and not option.positional else names
    needed = " (required)" if default is inspect.Parameter.empty else ""
    return [".TP", shown, _line(option.help + needed)]


def _head(name: str, summary: str) -> list[str]:
    return [
        r".\" Generated from the declarations by `python -m rocketmq_ops.mqadmin.reference`.",
        f'.TH "{_plain(name).upper()}" 1 "" "rocketmq-ops" "mqadmin"',
        ".SH NAME",
        rf"{_plain(name)} \- {_plain(summary[:1].lower() + summary[1:])}",
    ]


def _line(text: str) -> str:
    """Text as one line, which must not look like a request."""
    plain = _plain(" ".join(text.split()))
    return rf"\&{plain}" if plain[:1] in (".", "'") else plain


def _plain(text: str) -> str:
    """Text without what groff reads as more than text."""
    return text.replace("\\", "\\e").replace("-", "\\-")
