"""The declarations tell the truth: a key is marked as taking effect exactly when some module reads it."""

import ast
import importlib.util
from pathlib import Path

from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.common.start_keys import READ_AT_START
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig

ROOT = Path(__file__).parents[2]
CLASSES = (
    BrokerConfig, AuthConfig, MessageStoreConfig, NettyServerConfig, NettyClientConfig, NamesrvConfig, TlsSystemConfig,
)  # fmt: skip
FOLDERS = ("common", "remoting", "store", "namesrv", "broker", "mqadmin")

#: Read without an effect of its own, and why.
READ_ONLY_TO_SHOW = {
    "endTransactionPoolQueueCapacity": "a figure of brokerStatus",
    "transientStorePoolEnable": "whether brokerStatus has remainHowManyDataToCommit",
}
#: How the fields begin that are read under the names of their keys (`client_context_by` in `remoting/tls.py`).
READ_BY_KEY = "tlsClient"
#: Two classes have the key, and only the named ones read it.
ONLY_IN = {
    "listenPort": {NettyServerConfig},
    "rocketmqHome": {BrokerConfig},
    "writeBufferHighWaterMark": {NettyServerConfig},
    "writeBufferLowWaterMark": {NettyServerConfig},
}


def test_the_keys_of_access_are_known_to_be_read_at_the_start():
    assert set(AuthConfig.keys()) == READ_AT_START


def keys_read() -> set[str]:
    """Every attribute that product code reads from anything, the declarations aside."""
    found = set()
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    found.add(node.attr)
    return found


def test_exactly_the_keys_that_are_read_are_marked():
    read = keys_read() - set(READ_ONLY_TO_SHOW)
    wrong = {}
    for cls in CLASSES:
        read_of = read | {field for field in cls.__struct_fields__ if field.startswith(READ_BY_KEY)}
        fields = dict(zip(cls.__struct_fields__, cls.keys(), strict=True))
        marked = {field for field, key in fields.items() if cls.key_info(key).used is not None}
        expected = {key for key in fields if key in read_of and cls in ONLY_IN.get(key, {cls})}
        wrong[cls.__name__] = {
            "marked, not read": sorted(marked - expected),
            "read, not marked": sorted(expected - marked),
        }
    assert not any(keys for differences in wrong.values() for keys in differences.values()), wrong


def test_the_reference_pages_are_current():
    spec = importlib.util.spec_from_file_location("gen_config_docs", ROOT / "scripts" / "gen_config_docs.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    for path, text in generator.pages().items():
        assert path.read_text("utf-8") == text, "run python scripts/gen_config_docs.py"
