"""Writes `options.tsv`, the options of every command for `complete.py`, from the declarations.

A line is command, names separated by commas, what the option takes, and its help. What it takes is `-` for a flag,
words with `|` between them, `@file`, `@` and a kind of names (`names.py`), or nothing when anything may stand there.
"""

from __future__ import annotations

from typing import Any

from rocketmq_ops.mqadmin import declare, registry, values

#: The kind of names that an option takes, by any of its names.
_KINDS = {
    "--topic": "topic",
    "--topicName": "topic",
    "--consumerGroup": "group",
    "--groupName": "group",
    "--group": "group",
    "--consumer": "group",
    "--clusterName": "cluster",
    "--cluster": "cluster",
    "--brokerName": "broker",
    "--brokerAddr": "address",
    "--broker": "address",
    "--fromBroker": "address",
    "--toBroker": "address",
    "--profile": "profile",
}
#: The same where it depends on the command.
_KINDS_OF_COMMANDS = {
    ("updateBrokerConfig", "--key"): "brokerConfig",
    ("updateNamesrvConfig", "--key"): "namesrvConfig",
}
_FILES = ("FILE", "STORE_DIR", "TARGET_DIR", "FOLDER")


def text() -> str:
    """What `options.tsv` has to hold."""
    lines = []
    for entry in registry.ENTRIES:
        declared = declare.declaration_of_entry(entry)
        for kind, option, _ in declare.all_options(declared).values():
            help_text = " ".join(option.help.split())
            lines.append("\t".join((entry.name, ",".join(option.names), _value(entry.name, kind, option), help_text)))
    return "\n".join(lines) + "\n"


def _value(command: str, kind: Any, option: declare.Opt) -> str:
    for name in option.names:
        live = _KINDS_OF_COMMANDS.get((command, name)) or _KINDS.get(name)
        if live is not None:
            return f"@{live}"
    words = getattr(option.parse, "words", None)
    if words is not None:
        return "|".join(words)
    if option.parse is values.boolean:
        return "true|false"
    if command.startswith("profile ") and option.names == ("NAME",):
        return "@profile"
    if option.metavar in _FILES or option.names[0] in _FILES or option.parse is values.path:
        return "@file"
    return "-" if not option.positional and declare.metavar_of(kind, option) is None else ""
