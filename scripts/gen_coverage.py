"""Write docs/coverage.md: which module serves each request code and each of Apache's commands, or why none does.

`python scripts/gen_coverage.py` writes the page, `--check` only says whether it is up to date (exit code 1 if not).
Names and codes come from the product itself; only the reasons are written here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, cast

import generated

from rocketmq_ops.broker.access.binding import bind as bind_access
from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.processors import install_all as install_broker
from rocketmq_ops.client.client_processor import install as install_client
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.mqadmin.registry import ENTRIES
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.namesrv.processors import install_all as install_namesrv
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import LegacyRequestCode, RequestCode
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.request_handlers import RequestHandlers
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.store.config import MessageStoreConfig

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
COMMANDS = ROOT / "tests" / "golden" / "rocketmq" / "5.5.0" / "mqadmin-commands.json"

_POP = "pop consumption keeps its state in topics of its own; consumers here pull or are pushed to by long polling"
_CONTROLLER = "belongs to the controller (DLedger, automatic switch of the master); one broker needs none"
_ACTING_MASTER = "a slave never acts as master by itself (enableSlaveActingMaster): `mqadmin promote` makes it one"
_TIMER = "timers are kept in the wheel's files; there is no other engine"
_LITE = "lite topics (since 5.5) are not served: they live on pop consumption and light queues, which are not here"
_COLD = "control of reads of cold data belongs to Apache's page cache tuning; reads here are views of mapped files"
_ROCKSDB = "there is no RocksDB here: queues are files, configuration is JSON"
_OBSOLETE = "Apache's own broker and name server have no handler for it"
_FILTER_CLASS = (
    "consumers send it to filter servers, not to brokers; Apache's brokers (4.9.7, 5.3.3) answer 3 too. Pulls of a "
    "class filter's subscription are answered unfiltered, as by Apache's"
)
_STATIC = "static topics (logical queues over several brokers) are not served; topics are created on each broker"

#: Request codes that no module of ours serves, and why.
NOT_SERVED: dict[str, str] = {
    **dict.fromkeys(
        (
            "POP_MESSAGE",
            "ACK_MESSAGE",
            "BATCH_ACK_MESSAGE",
            "PEEK_MESSAGE",
            "CHANGE_MESSAGE_INVISIBLETIME",
            "NOTIFICATION",
            "POLLING_INFO",
            "POP_ROLLBACK",
        ),
        _POP,
    ),
    **dict.fromkeys(
        (
            "CONTROLLER_ALTER_SYNC_STATE_SET",
            "CONTROLLER_ELECT_MASTER",
            "CONTROLLER_REGISTER_BROKER",
            "CONTROLLER_GET_REPLICA_INFO",
            "CONTROLLER_GET_METADATA_INFO",
            "CONTROLLER_GET_SYNC_STATE_DATA",
            "CONTROLLER_GET_NEXT_BROKER_ID",
            "CONTROLLER_APPLY_BROKER_ID",
            "GET_BROKER_EPOCH_CACHE",
            "NOTIFY_BROKER_ROLE_CHANGED",
            "UPDATE_CONTROLLER_CONFIG",
            "GET_CONTROLLER_CONFIG",
            "CLEAN_BROKER_DATA",
        ),
        _CONTROLLER,
    ),
    "NOTIFY_MIN_BROKER_ID_CHANGE": _ACTING_MASTER,
    **dict.fromkeys(
        (
            "UPDATE_COLD_DATA_FLOW_CTR_CONFIG",
            "REMOVE_COLD_DATA_FLOW_CTR_CONFIG",
            "GET_COLD_DATA_FLOW_CTR_INFO",
            "SET_COMMITLOG_READ_MODE",
        ),
        _COLD,
    ),
    **dict.fromkeys(("ADD_BROKER", "REMOVE_BROKER"), "belongs to Apache's container of several brokers in one process"),
    **dict.fromkeys(("CHECK_ROCKSDB_CQ_WRITE_PROGRESS", "EXPORT_ROCKSDB_CONFIG_TO_JSON"), _ROCKSDB),
    **dict.fromkeys(
        (
            "POP_LITE_MESSAGE",
            "LITE_SUBSCRIPTION_CTL",
            "NOTIFY_UNSUBSCRIBE_LITE",
            "GET_BROKER_LITE_INFO",
            "GET_PARENT_TOPIC_INFO",
            "GET_LITE_TOPIC_INFO",
            "GET_LITE_CLIENT_INFO",
            "GET_LITE_GROUP_INFO",
            "TRIGGER_LITE_DISPATCH",
        ),
        _LITE,
    ),
    "REGISTER_MESSAGE_FILTER_CLASS": _FILTER_CLASS,
    "SWITCH_TIMER_ENGINE": _TIMER,
    "UPDATE_AND_CREATE_STATIC_TOPIC": _STATIC,
    **dict.fromkeys(
        (
            "ACK_LITE_MESSAGE",
            "QUERY_BROKER_OFFSET",
            "GET_TOPIC_CONFIG_LIST",
            "GET_TOPIC_NAME_LIST",
            "GET_CLIENT_CONFIG",
            "SUSPEND_CONSUMER",
            "RESUME_CONSUMER",
            "RESET_CONSUMER_OFFSET_IN_CONSUMER",
            "RESET_CONSUMER_OFFSET_IN_BROKER",
            "ADJUST_CONSUMER_THREAD_POOL",
            "WHO_CONSUME_THE_MESSAGE",
        ),
        _OBSOLETE,
    ),
}

#: What else there is to say of a code that is served.
REMARKS: dict[str, str] = {
    "REGISTER_FILTER_SERVER": "for filter servers of 4.x; Apache's brokers (4.9.7, 5.3.3) answer 3",
}


class Row(NamedTuple):
    """One request code: number, name, the modules that serve it (paths), and the reason when there are none."""

    code: int
    name: str
    modules: tuple[str, ...]
    reason: str


def code_rows() -> list[Row]:
    """A row for each request code, by number. One without modules and reason is not covered."""
    tables = (_broker_server().handlers, _namesrv_server().handlers, _client_handlers())
    served = [modules_of(handlers) for handlers in tables]
    rows = []
    for code in sorted([*RequestCode, *LegacyRequestCode]):
        modules = [table[code] for table in served if code in table]
        rows.append(Row(int(code), code.name, tuple(modules), "" if modules else NOT_SERVED.get(code.name, "")))
    return rows


def uncovered() -> list[str]:
    """Codes that nothing serves and no reason excuses, and reasons for codes that are served or do not exist."""
    rows = {row.name: row for row in code_rows()}
    bare = [f"{row.name} ({row.code}) is neither served nor excused" for row in rows.values() if not any(row[2:])]
    stale = [f"{name} has a reason but is served" for name in NOT_SERVED if rows[name].modules]
    return bare + stale


def modules_of(handlers: RequestHandlers) -> dict[int, str]:
    """Path of the module of each handler."""
    found: dict[int, str] = {}
    for code in handlers.registered_codes():
        module = handlers.module_of(code)
        assert module is not None
        found[code] = _path(module)
    return found


def _path(module: str) -> str:
    return module.removeprefix("rocketmq_ops.").replace(".", "/") + ".py"


def _broker_server() -> RemotingServer:
    with tempfile.TemporaryDirectory() as root:
        config = BrokerConfig(brokerName="b", brokerIP1="127.0.0.1", brokerIP2="127.0.0.1")
        server_config = NettyServerConfig(listenPort=10911)
        store_config = MessageStoreConfig(storePathRootDir=root, haListenPort=0)
        config.aclEnable, config.rocketmqHome = True, root
        auth_config = AuthConfig(authenticationEnabled=True)
        controller = BrokerController(config, store_config, server_config, NettyClientConfig(), auth_config)
        bind_access(controller)
        install_broker(controller)
        return controller.server


def _namesrv_server() -> RemotingServer:
    controller = NamesrvController(NamesrvConfig(), NettyServerConfig(listenPort=9876))
    install_namesrv(controller)
    return controller.server


def _client_handlers() -> RequestHandlers:
    remoting = RemotingClient()
    install_client(cast(ClientInstance, SimpleNamespace(remoting=remoting)))
    return remoting.handlers


def page() -> str:
    """The text of docs/coverage.md."""
    rows = code_rows()
    served = sum(1 for row in rows if row.modules)
    lines = [
        "# Coverage",
        "",
        "Generated by `scripts/gen_coverage.py`; a test fails when it is out of date, or when a request code is",
        "neither served nor excused.",
        "",
        f"## Request codes: {served} of {len(rows)} are served",
        "",
        "A code that is not served is answered `REQUEST_CODE_NOT_SUPPORTED` (3).",
        "",
        "| code | name | served by, or why not |",
        "|---:|---|---|",
    ]
    lines += [f"| {row.code} | {row.name} | {_cell(row)} |" for row in rows]
    commands = json.loads(COMMANDS.read_text("utf-8"))
    ours = {entry.name: entry.module for entry in ENTRIES}
    theirs = [command["name"] for command in commands]
    lines += [
        "",
        f"## Commands of Apache's mqadmin: {sum(name in ours for name in theirs)} of {len(theirs)} are here",
        "",
        "| command | module |",
        "|---|---|",
    ]
    for name in theirs:
        cell = f"`{_path(f'mqadmin.commands.{ours[name]}')}`" if name in ours else "not yet"
        lines.append(f"| {name} | {cell} |")
    more = sorted(set(ours) - set(theirs))
    if more:
        lines += ["", "Beyond Apache's: " + ", ".join(f"`{name}`" for name in more) + "."]
    return "\n".join(lines) + "\n"


def _cell(row: Row) -> str:
    if not row.modules:
        return f"no: {row.reason}"
    served = ", ".join(f"`{module}`" for module in row.modules)
    return f"{served} ({REMARKS[row.name]})" if row.name in REMARKS else served


def main() -> int:
    """Write or check the page."""
    problems = uncovered()
    for problem in problems:
        print(problem, file=sys.stderr)
    return generated.main(__file__, {PAGE: page()}) or int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
