"""Keys that a server reads at its start alone are refused while it runs: which these are is read out of its code."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.processors.admin.config import START_ONLY as OF_BROKER
from rocketmq_ops.common.config import ConfigClass
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.processors.name_server_config import START_ONLY as OF_NAME_SERVER
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.store.config import MessageStoreConfig

ROOT = Path(__file__).parents[1]
#: What runs at the start alone, besides what makes an object.
AT_START = frozenset(
    {
        "_bind_access", "_bind_hooks", "_bind_metrics", "_run", "_run.started", "_store_host", "bind", "footprint",
        "logging_as", "precision_of", "use_line", "AuthEvaluator._load", "BrokerController.start", "BrokerSettings._advertise",
        "BrokerSettings._open_replication", "BrokerSettings.check",
        "HAService.start", "IndexService.load", "LogFiles._file_of", "MessageStore._load",
        "NamesrvController._open_pages", "RemotingServer._listen", "RemotingServer.start", "StatsLines.start",
        "TopicConfigManager._create_system_topics",
    }
)  # fmt: skip
#: Who a server is, and where its files are: read later too, and not to be changed under it; how lines are written.
KEPT = {
    "broker": {
        "aclEnable", "brokerClusterName", "brokerId", "brokerIP1", "brokerIP2", "brokerName", "haListenPort",
        "listenPort", "logFormat", "maxHashSlotNum", "maxIndexNum", "storePathRootDir",
    },
    "name server": {"bindAddress"},
}  # fmt: skip
#: Read at the start alone, and never to be changed from outside: they are in the black list.
BLACK = {"rocketmqHome", "logDir", "kvConfigPath"}
SERVERS = {
    "broker": (
        (BrokerConfig, MessageStoreConfig, NettyServerConfig, NettyClientConfig),
        ("broker", "store", "remoting", "common"),
        OF_BROKER,
    ),
    "name server": ((NamesrvConfig, NettyServerConfig), ("namesrv", "remoting", "common"), OF_NAME_SERVER),
}


def used_keys(classes: Sequence[type[ConfigClass]]) -> dict[str, str]:
    """The keys that take effect, by the attribute they are read as."""
    return {
        field: key
        for each in classes
        for field, key in zip(each.__struct_fields__, each.keys(), strict=True)
        if each.key_info(key).used is not None
    }


def reads(node: ast.AST, within: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Attributes that are read below a node, and the classes and functions that each is in; a function without a name
    runs whenever it likes."""
    for child in ast.iter_child_nodes(node):
        inner = within
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = (*within, child.name)
        elif isinstance(child, ast.Lambda):
            inner = (*within, "a lambda")
        elif isinstance(child, ast.Attribute) and isinstance(child.ctx, ast.Load):
            yield child.attr, within
        yield from reads(child, inner)


def is_at_start(within: tuple[str, ...]) -> bool:
    place = ".".join(within[-2:])
    return place in AT_START or within[-1:] == ("__init__",)


@pytest.mark.parametrize("server", list(SERVERS))
def test_what_is_read_at_the_start_alone_is_refused_later(server: str) -> None:
    classes, folders, start_only = SERVERS[server]
    keys = used_keys(classes)
    readers: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for folder in folders:
        for file in (ROOT / folder).rglob("*.py"):
            for attribute, within in reads(ast.parse(file.read_text())):
                if attribute in keys and not (within and within[-1] in {each.__name__ for each in classes}):
                    readers[keys[attribute]].add(within)
    derived = {key for key, places in readers.items() if all(map(is_at_start, places))} - BLACK
    assert derived - start_only == set(), "read at the start alone, and taken while the server runs"
    assert start_only - derived == KEPT[server], "refused, though they are read later: take them out, or say why"


@pytest.mark.parametrize("server", list(SERVERS))
def test_what_a_key_does_leaves_its_start_to_the_page_which_says_it(server: str) -> None:
    classes, _, start_only = SERVERS[server]
    infos = [info for each in classes for info in map(each.key_info, each.keys()) if info.name in start_only]
    used = {info.name: info.used.doc for info in infos if info.used is not None}
    assert used.keys() == start_only
    assert [name for name, doc in used.items() if re.search(r"\bat (a|the) start\b", doc)] == []
