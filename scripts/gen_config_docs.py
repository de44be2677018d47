"""Write docs/configuration.md from the declarations of the configuration classes; `--check` only compares.

Run it with the interpreter that has the project installed: `python scripts/gen_config_docs.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.common.config import ConfigClass, KeyInfo, value_text
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.store.config import MessageStoreConfig

TARGET = Path(__file__).parents[1] / "docs" / "configuration.md"
CLASSES: dict[type[ConfigClass], str] = {
    BrokerConfig: "broker",
    MessageStoreConfig: "broker",
    NettyServerConfig: "broker, name server",
    NettyClientConfig: "broker",
    NamesrvConfig: "name server",
}

INTRODUCTION = """\
# Configuration

Generated from the declarations by `scripts/gen_config_docs.py`.

`mqbroker -c FILE` and `mqnamesrv -c FILE` read Java property files with Apache RocketMQ's own keys; one file feeds all
classes of a server. A file written for Apache's 5.3.3 or 4.9.7 loads unchanged:

- A key that **takes effect** is in the first table of its class, with Apache's default unless a reason is given.
- A key that is **only kept** is accepted, checked for its type, shown by `getBrokerConfig` and `getNamesrvConfig`, and
  changes nothing; the server says so at start when a file sets it to another value. Most of them size thread pools and
  queues that this broker does not have.
- A key that nobody knows is named on stderr with the nearest known one, and ignored. A value that does
  not fit is an error.
- The old spellings (`mapedFileSizeCommitLog`) are understood.

`-p` prints all keys with their values, `-m` those that take effect. `mqadmin updateBrokerConfig` and
`updateNamesrvConfig` change keys at run time and write them into the file, whose comments and order stay.
"""


def main() -> int:
    """Write the page, or with `--check` say whether it is current."""
    text = page()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    current = TARGET.read_text() if TARGET.exists() else ""
    if current != text:
        print(f"{TARGET} is not current: run python scripts/gen_config_docs.py")
        return 1
    return 0


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(section(cls, servers) for cls, servers in CLASSES.items())


def section(cls: type[ConfigClass], servers: str) -> str:
    """One class: the keys that take effect, then those that are only kept."""
    defaults = {field.name: default_text(field) for field in msgspec.structs.fields(cls)}
    infos = [cls.key_info(key) for key in cls.__struct_fields__]
    lines = ["", f"## {cls.__name__} ({servers})", "", "| key | type | default | meaning |", "|---|---|---|---|"]
    lines += [row(info, defaults[info.name]) for info in infos if info.used is not None]
    kept = [info for info in infos if info.used is None]
    if kept:
        lines += ["", "Only kept:", "", "| key | type | default |", "|---|---|---|"]
        lines += [f"| `{info.name}` | {escape(info.java_type)} | {defaults[info.name]} |" for info in kept]
    return "\n".join(lines) + "\n"


def row(info: KeyInfo, default: str) -> str:
    """A key that takes effect."""
    used = info.used
    assert used is not None
    parts = [used.doc]
    if used.low is not None and used.high is not None:
        parts.append(f"{used.low} to {used.high}")
    elif used.low is not None:
        parts.append(f"at least {used.low}")
    if used.because:
        parts.append(f"differs from Apache's default: {used.because}")
    return f"| `{info.name}` | {escape(info.java_type)} | {default} | {escape('; '.join(parts))} |"


def default_text(field: msgspec.structs.FieldInfo) -> str:
    """A default as the page shows it; what the machine decides is said in the key's meaning."""
    if field.default_factory is not msgspec.NODEFAULT:
        return "(computed)"
    if field.default is None:
        return "(none)"
    text = value_text(field.default)
    return f"`{text}`" if text else "(empty)"


def escape(text: str) -> str:
    """Text within a Markdown table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
