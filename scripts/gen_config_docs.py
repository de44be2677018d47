"""Write docs/configuration.md and docs/zh/configuration.md from the declarations of the configuration classes.

`--check` only compares.

Run it with the interpreter that has the project installed: `python scripts/gen_config_docs.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import generated
import msgspec

from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.processors.admin.config import START_ONLY as OF_BROKER
from rocketmq_ops.common.config import ConfigClass, KeyInfo, value_text
from rocketmq_ops.mqadmin.lang.catalogue import chinese
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.processors.name_server_config import START_ONLY as OF_NAME_SERVER
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig

DOCS = Path(__file__).parents[1] / "docs"
#: Keys that a running server does not change.
START_ONLY = OF_BROKER | OF_NAME_SERVER
#: Gives a text of the page in the page's language.
Translate = Callable[[str], str]
CLASSES: dict[type[ConfigClass], str] = {
    BrokerConfig: "broker",
    MessageStoreConfig: "broker",
    NettyServerConfig: "broker, name server",
    NettyClientConfig: "broker",
    AuthConfig: "broker",
    TlsSystemConfig: "broker, name server",
    NamesrvConfig: "name server",
}

INTRODUCTION = """\
# Configuration

Generated from the declarations by `scripts/gen_config_docs.py`.

`mqbroker -c FILE` and `mqnamesrv -c FILE` read Java property files with Apache RocketMQ's own keys; one file feeds all
classes of a server. A file written for Apache's 5.3.3 or 4.9.7 loads unchanged, if Apache's obeys it and it asks for
nothing that is not there:

- A key that **takes effect** is in the first table of its class, with Apache's default unless a reason is given.
- A key that is **only kept** is accepted, checked for its type, shown by `getBrokerConfig` and `getNamesrvConfig`, and
  changes nothing; the server says so at start when a file sets it to another value. Most of them size thread pools and
  queues that this broker does not have.
- A key that is **refused** asks for something whose silent absence would be dangerous: with it the server does not
  start. Besides those in the tables: `authenticationEnabled=true` of a name server.
- A key that does not exist is named on stderr with its line, what became of it or the nearest known one, and ignored.
- A value that does not fit is an error that names key and line; all errors of a file are reported at once.

`KEY=VALUE` words on the command line count more than the file (`mqbroker -c FILE brokerPermission=4`); Apache's servers
ignore such words. `-p` prints all keys with their values, `-m` those that take effect. `mqadmin updateBrokerConfig` and
`updateNamesrvConfig` change keys at run time and write them into the file, whose comments and order stay; a key that
"counts at a start only" they refuse: it is changed in the file.

Without `logDir` a server writes no log files, where Apache's writes to `~/logs/rocketmqlogs`: all goes to stderr, since
in a container or under systemd it is read there, and a broker of a test must not write into a home. Apache's place and
names are `mqbroker --log-dir ~/logs/rocketmqlogs`, or `mqnamesrv` ([operations.md](operations.md#log-files)).

## What Apache's servers do with a file

Tried on 5.3.3, most of it on 4.9.7 and 5.5.0 too; they agree where nothing else is said, and say nothing about it.
`tests/interop/test_property_files.py` keeps the ones that matter.

| in the file | Apache | here |
|---|---|---|
| a number with a blank behind it, `168 ` | the default counts | refused |
| a boolean with a blank behind it, `true ` | false | refused |
| an enumeration with a blank behind it, `SYNC_FLUSH ` | 4.9: the default; 5: the value | refused |
| a text with a blank behind it | 4.9: the blank is part of it; 5: dropped | dropped, and said |
| `4M` for a number, `SYNC` for an enumeration, nothing | the default counts | refused |
| `yes` for a boolean, nothing | false | refused |
| `${user.home}/store`, `~/store` | a folder of that very name is made where the server was started | refused |
| an empty `storePathRootDir` | the root of the file system; a stack trace for whoever may not write there | refused |
| several folders in `storePathCommitLog`, separated by `,` | written in turn | refused |
| `deleteWhen=25`, `deleteWhen=4;x` | expired files stay until the disk is nearly full | refused |
| `messageDelayLevel=1s 5x` | the broker does not start | refused |
| an empty `brokerName` or `brokerClusterName` | registered under the empty name | refused |
| `brokerIP1=localhost`, a host name | announced as it is; messages carry its address (IPv4 before IPv6) | the same |
| `brokerIP1` with a name that does not resolve | starts, and fails every send | refused |
| `brokerIP1=::ffff:10.0.0.1` | messages carry 10.0.0.1 | the same |
| an empty `brokerIP1` | announced as `:10911` | refused |
| `bindAddress=::` | serves IPv6 and IPv4 | the same |
| `bindAddress=localhost`, a host name | its first address, IPv4 before IPv6 | the same |
| `bindAddress=10.0.0.1` without `brokerIP1` | announces an address where nothing listens | announces 10.0.0.1 |
| an empty `bindAddress` | 127.0.0.1 | refused |
| `brokerId=1` in a master's file | 0 counts | 0 counts, and said |
| a key twice | the last counts | the same, and said |
| UTF-16 text | no key is seen: the server starts with nothing but defaults | refused |
| UTF-8 with a byte order mark | the key of the first line is not seen | seen, and said |
| characters beyond ASCII in UTF-8 | read as ISO-8859-1 | read as UTF-8, and said |
| `mapedFileSizeCommitLog`, `mapedFileSizeConsumeQueue` | ignored since 4.5, which spells `mapped` | ignored, and said |
| `storePathConsumeQueue`, `storePathIndex`, `storeCheckpoint`, `abortFile` | ignored since 3.2.6 | ignored, and said |
| `checkTransactionMessageEnable` | ignored since 3.2.6 | ignored, and said |
| `authenticationEnabled`, `authorizationEnabled` of a name server | access is checked | refused: it has none |
| `tls.server.mode=enforcing` | ignored: it counts as `-Dtls.server.mode=enforcing` only | obeyed, as all `tls.` keys |
"""


def pages() -> dict[Path, str]:
    """Where each language's page stands, and its text."""
    catalogue = chinese()
    return {
        DOCS / "configuration.md": page(str),
        DOCS / "zh" / "configuration.md": page(lambda text: catalogue.line(catalogue.word(text))),
    }


def page(tr: Translate) -> str:
    """The whole page."""
    return tr(INTRODUCTION) + "".join(section(cls, servers, tr) for cls, servers in CLASSES.items())


def section(cls: type[ConfigClass], servers: str, tr: Translate) -> str:
    """One class: the keys that take effect, those that are refused, then those that are only kept."""
    defaults = {field.encode_name: tr(default_text(field)) for field in msgspec.structs.fields(cls)}
    infos = list(map(cls.key_info, cls.keys()))
    lines = ["", f"## {cls.__name__} {tr(f'({servers})')}", ""]
    lines += [tr("| key | type | default | meaning |"), "|---|---|---|---|"]
    lines += [row(info, defaults[info.name], tr) for info in infos if info.used is not None]
    refused = [info for info in infos if info.refused is not None]
    if refused:
        lines += ["", tr("Refused:"), "", tr("| key | type | default | because |"), "|---|---|---|---|"]
        lines += [refused_row(info, defaults[info.name], tr) for info in refused]
    kept = [info for info in infos if info.used is None and info.refused is None]
    if kept:
        lines += ["", tr("Only kept:"), "", tr("| key | type | default |"), "|---|---|---|"]
        lines += [f"| `{info.name}` | {escape(info.java_type)} | {defaults[info.name]} |" for info in kept]
    return "\n".join(lines) + "\n"


def row(info: KeyInfo, default: str, tr: Translate) -> str:
    """A key that takes effect."""
    used = info.used
    assert used is not None
    parts = [tr(used.doc)]
    if used.low is not None and used.high is not None:
        parts.append(f"{used.low} {tr('to')} {used.high}")
    elif used.low is not None:
        parts.append(f"{tr('at least')} {used.low}")
    if info.name in START_ONLY:
        parts.append(tr("counts at a start only"))
    if used.because:
        parts.append(tr(f"differs from Apache's default: {used.because}"))
    return f"| `{info.name}` | {escape(info.java_type)} | {default} | {escape(tr('; ').join(parts))} |"


def refused_row(info: KeyInfo, default: str, tr: Translate) -> str:
    """A key that must not have another value than the default."""
    assert info.refused is not None
    return f"| `{info.name}` | {escape(info.java_type)} | {default} | {escape(tr(info.refused.because))} |"


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
    sys.exit(generated.main(__file__, pages()))
