"""Consumer groups of a broker: system groups, the file in Apache's format, auto-creation, what is forbidden."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.subscription.subscription_group_manager import INDEX_PERM_READ, SubscriptionGroupManager
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.store.config import MessageStoreConfig
from tests.broker.support import FilesAtOnce
from tests.golden_data import unpack_store


def manager_at(root, **settings):
    config = BrokerConfig(**settings)
    store_config = MessageStoreConfig(storePathRootDir=str(root))
    files = FilesAtOnce()
    controller = SimpleNamespace(config=config, store_config=store_config, files=files, changes=files, is_slave=False)
    return SubscriptionGroupManager(controller)


def file_of(root):
    return json.loads((root / "config" / "subscriptionGroup.json").read_text())


@pytest.mark.parametrize("version", ["5.3.3-clean", "4.9.7-clean", "5.5.0-clean"])
def test_reads_what_apache_wrote_and_keeps_it(tmp_path, version):
    root = unpack_store(version, tmp_path)
    before = file_of(root)
    manager = manager_at(root)
    system = set(manager.table)
    assert manager.load() is True
    in_file = set(before["subscriptionGroupTable"])
    assert set(manager.table) == in_file | {"CID_RMQ_SYS_TRANS"}  # which 4.9.7 does not create
    assert system - {"CID_RMQ_SYS_TRANS"} == {
        name for name in in_file if not name.startswith(("Gold", "dump", "CID_RMQ_SYS"))
    }
    manager.find("fresh_group")
    after = file_of(root)
    for name, fields in before["subscriptionGroupTable"].items():
        ours = after["subscriptionGroupTable"][name]
        assert {key: ours[key] for key in fields} == fields
    assert after["dataVersion"]["counter"] == before["dataVersion"]["counter"] + 1
    assert after["forbiddenTable"] == {}


def test_a_fresh_group_looks_as_apache_writes_it(tmp_path):
    root = unpack_store("5.3.3-clean", tmp_path)
    theirs = file_of(root)["subscriptionGroupTable"]["Gold_group"]
    manager = manager_at(tmp_path / "own")
    manager.find("Gold_group")
    assert file_of(tmp_path / "own")["subscriptionGroupTable"]["Gold_group"] == theirs


def test_auto_creation_follows_the_configuration(tmp_path):
    manager = manager_at(tmp_path, autoCreateSubscriptionGroup=False)
    assert manager.find("unknown") is None
    assert manager.find("CID_RMQ_SYS_mine") is not None
    manager._controller.config.enableCreateSysGroup = False
    assert manager.find("CID_RMQ_SYS_other") is None
    manager._controller.config.autoCreateSubscriptionGroup = True
    assert manager.find("unknown") is manager.table["unknown"]
    assert manager.find("bad group") is None
    assert manager.find("x" * 256) is None


def test_forbidden_bits_are_kept_in_the_file(tmp_path):
    manager = manager_at(tmp_path)
    manager.set_forbidden("g", "T", INDEX_PERM_READ, True)
    manager.set_forbidden("g", "U", INDEX_PERM_READ, True)
    manager.persist()
    again = manager_at(tmp_path)
    again.load()
    assert again.forbidden("g", "T", INDEX_PERM_READ) and not again.forbidden("g", "other", INDEX_PERM_READ)
    assert file_of(tmp_path)["forbiddenTable"] == {"g": {"T": 4, "U": 4}}
    again.set_forbidden("g", "T", INDEX_PERM_READ, False)
    assert not again.forbidden("g", "T", INDEX_PERM_READ) and again.forbidden("g", "U", INDEX_PERM_READ)
    again.set_forbidden("g", "U", INDEX_PERM_READ, False)
    again.persist()
    assert file_of(tmp_path)["forbiddenTable"] == {}


def test_an_update_replaces_and_a_deletion_removes(tmp_path):
    manager = manager_at(tmp_path)
    asyncio.run(manager.update([SubscriptionGroupConfig(group_name="g", retry_max_times=3)]))
    assert manager.find("g").retry_max_times == 3
    with pytest.raises(RocketMQError, match="unsupported key"):
        asyncio.run(manager.update([SubscriptionGroupConfig(group_name="g", attributes={"+x": "y"})]))
    assert manager.delete("g") is True
    assert not manager.contains("g")
    assert manager.delete("g") is False


def test_a_disk_that_refuses_the_file_does_not_refuse_the_client(tmp_path):
    manager = manager_at(tmp_path)
    (tmp_path / "config").write_text("in the way of the directory")
    assert manager.find("g") is manager.table["g"]
    kept = manager.table["g"]
    with pytest.raises(RocketMQError, match=r"subscriptionGroup\.json"):
        asyncio.run(
            manager.update([SubscriptionGroupConfig(group_name=name, retry_max_times=3) for name in ("g", "h")])
        )
    assert manager.table["g"] is kept and not manager.contains("h")
