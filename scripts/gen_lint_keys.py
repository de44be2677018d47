"""Write the table of configuration keys that the lint reads, `housekeeping/lint/keys.tsv`; `--check` only compares.

Apache's columns come from the tables in `tests/golden/rocketmq`, the last one from the declarations here. A String
has no values there; what the servers compare it with is in `CHOICES`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import generated

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.processors.admin import config as of_broker
from rocketmq_ops.common.config import ConfigClass
from rocketmq_ops.housekeeping.lint.keys import ABSENT, AT_START, COMPUTED, TABLE, VERSIONS
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.processors import name_server_config as of_name_server
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "rocketmq"
OURS: tuple[type[ConfigClass], ...] = (
    BrokerConfig,
    MessageStoreConfig,
    NettyServerConfig,
    NettyClientConfig,
    NamesrvConfig,
    TlsSystemConfig,
)
#: The values of Apache's enumerations.
ENUMERATIONS = {
    "BrokerRole": "ASYNC_MASTER|SYNC_MASTER|SLAVE",
    "FlushDiskType": "ASYNC_FLUSH|SYNC_FLUSH",
    "MessageRequestMode": "PULL|POP",
    "MetricsExporterType": "DISABLE|OTLP_GRPC|PROM|LOG",
    "TlsMode": "disabled|permissive|enforcing",
}
CHOICES = {"tls.server.need.client.auth": "none|optional|require"}


def table() -> str:
    """The whole table: name, class, type, the default in each version, and what the servers here do with the key."""
    versions = {short: full for short, full in VERSIONS.items() if short != "ours"}
    theirs = {
        short: {
            name: keys
            for table in ("config-defaults.json", "tls-defaults.json")
            for name, keys in json.loads((GOLDEN / full / table).read_text()).items()
        }
        for short, full in versions.items()
    }
    lines = ["\t".join(("key", "class", "type", *versions, "ours"))]
    for cls in OURS:
        name = cls.__name__
        names = dict.fromkeys(key for short in reversed(versions) for key in theirs[short][name])
        for key in sorted({*names, *cls.keys()}, key=str.lower):
            told = {short: theirs[short][name].get(key) for short in versions}
            newest = next((entry["type"] for entry in reversed(told.values()) if entry), None)
            kind = CHOICES.get(key) or ENUMERATIONS.get(newest or "", newest) or cls.key_info(key).java_type
            lines.append("\t".join((key, name, kind, *map(_default, told.values()), _here(cls, key))))
    return "\n".join(lines) + "\n"


def _default(entry: dict[str, Any] | None) -> str:
    if entry is None:
        return ABSENT
    value = entry["default"]
    if value is None or str(value).startswith("(depends"):
        return COMPUTED
    return str(value).lower() if isinstance(value, bool) else str(value)


def _here(cls: type[ConfigClass], key: str) -> str:
    if cls.find_key(key) is None:
        return ABSENT
    info = cls.key_info(cls.find_key(key) or key)
    server = of_name_server if cls is NamesrvConfig else of_broker
    if info.used is not None and info.name in {*server.START_ONLY, *server.ALWAYS_FORBIDDEN.split(";")}:
        return AT_START
    return "used" if info.used is not None else "refused" if info.refused is not None else "kept"


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {TABLE: table()}))
