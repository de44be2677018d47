"""Topics of a broker: system topics, the file in Apache's format, auto-creation, attributes."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.topic.topic_config_manager import TopicConfigManager
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.remoting.bodies import TopicConfig
from rocketmq_ops.store.config import MessageStoreConfig
from tests.broker.support import FilesAtOnce
from tests.golden_data import unpack_store

PERM_WRITE, PERM_READ, INHERIT = 2, 4, 1


def controller_at(root, **settings):
    config = BrokerConfig(brokerName="broker-a", brokerClusterName="DefaultCluster")
    for key, value in settings.items():
        setattr(config, key, value)
    files = FilesAtOnce()
    store_config = MessageStoreConfig(storePathRootDir=str(root))
    return SimpleNamespace(config=config, store_config=store_config, files=files, changes=files)


def manager_at(root, **settings):
    return TopicConfigManager(controller_at(root, **settings))


def test_system_topics_are_those_that_apache_creates(tmp_path):
    written_by_apache = json.loads((unpack_store("5.3.3-clean", tmp_path) / "config" / "topics.json").read_text())
    table = written_by_apache["topicConfigTable"]
    ours = manager_at(tmp_path / "empty")
    created_by_use = ("Gold", "%", "TRANS_CHECK_MAX_TIME_TOPIC")
    assert set(ours.table) == {name for name in table if not name.startswith(created_by_use)}
    for name, config in ours.table.items():
        theirs = table[name]
        assert (config.read_queue_nums, config.write_queue_nums, config.perm) == (
            theirs["readQueueNums"],
            theirs["writeQueueNums"],
            theirs["perm"],
        ), name
    assert ours.is_system("broker-a") and ours.is_system("rmq_sys_anything") and not ours.is_system("GoldOrders")


def test_auto_creation_off_means_no_default_topic(tmp_path):
    manager = manager_at(tmp_path, autoCreateTopicEnable=False)
    assert manager.get("TBW102") is None
    assert manager.create_in_send_message("T", "TBW102", "1.2.3.4:5", 4, 0) is None


def test_auto_creation_takes_the_lesser_number_of_queues_and_no_inherit_bit(tmp_path):
    manager = manager_at(tmp_path, defaultTopicQueueNums=8)
    few = manager.create_in_send_message("Few", "TBW102", "1.2.3.4:5", 4, 0)
    many = manager.create_in_send_message("Many", "TBW102", "1.2.3.4:5", 100, 1)
    assert (few.read_queue_nums, few.write_queue_nums, few.perm) == (4, 4, PERM_READ | PERM_WRITE)
    assert (many.read_queue_nums, many.topic_sys_flag) == (8, 1)
    assert manager.create_in_send_message("Few", "TBW102", "1.2.3.4:5", 2, 0) is few
    assert manager.create_in_send_message("X", "SELF_TEST_TOPIC", "1.2.3.4:5", 2, 0) is None
    assert manager._controller.changes.told == ["Few", "Many"]
    assert manager.data_version.counter == 2


def test_auto_creation_switched_off_at_run_time_takes_the_inherit_bit_away(tmp_path):
    manager = manager_at(tmp_path)
    manager._controller.config.autoCreateTopicEnable = False
    assert manager.create_in_send_message("T", "TBW102", "1.2.3.4:5", 4, 0) is None
    assert manager.get("TBW102").perm == PERM_READ | PERM_WRITE


def test_send_back_creates_the_retry_topic_and_follows_the_order_flag(tmp_path):
    manager = manager_at(tmp_path)
    topic = manager.create_in_send_message_back("%RETRY%g", 1, PERM_READ | PERM_WRITE)
    assert (topic.read_queue_nums, topic.order) == (1, False)
    assert manager.create_in_send_message_back("%RETRY%g", 1, order=True).order is True
    assert manager.is_order_topic("%RETRY%g")


@pytest.mark.parametrize("version", ["5.3.3-clean", "4.9.7-clean", "5.5.0-clean"])
def test_reads_what_apache_wrote_and_writes_it_back_unchanged(tmp_path, version):
    root = unpack_store(version, tmp_path)
    before = json.loads((root / "config" / "topics.json").read_text())
    manager = manager_at(root)
    assert manager.load() is True
    assert manager.get("GoldOrders").read_queue_nums == 4
    assert manager.data_version.counter == before["dataVersion"]["counter"]
    manager.persist()
    text = (root / "config" / "topics.json").read_text()
    after = json.loads(text)
    for name, fields in before["topicConfigTable"].items():
        assert after["topicConfigTable"][name] == {"attributes": {}} | fields
    assert {"counter", "timestamp", "stateVersion"} == set(after["dataVersion"])
    assert text.startswith('{\n\t"dataVersion":{\n\t\t"')


def test_fields_of_a_newer_broker_survive(tmp_path):
    path = tmp_path / "config" / "topics.json"
    path.parent.mkdir()
    path.write_text(
        '{"dataVersion":{"counter":3,"timestamp":1,"stateVersion":0},"topicConfigTable":{"T":{"topicName":"T","perm":6,'
        '"readQueueNums":2,"writeQueueNums":2,"attributes":{"message.type":"FIFO"},"liteTopic":{"a":1}}}}'
    )
    manager = manager_at(tmp_path)
    manager.load()
    asyncio.run(manager.update([TopicConfig(topic_name="T", read_queue_nums=5, write_queue_nums=5)]))
    written = json.loads(path.read_text())["topicConfigTable"]["T"]
    assert written["liteTopic"] == {"a": 1}
    assert written["attributes"] == {"message.type": "FIFO"}
    assert written["readQueueNums"] == 5
    assert (
        json.loads((tmp_path / "config" / "topics.json.bak").read_text())["topicConfigTable"]["T"]["readQueueNums"] == 2
    )


def test_a_broken_file_is_an_error_and_not_an_empty_table(tmp_path):
    path = tmp_path / "config" / "topics.json"
    path.parent.mkdir()
    path.write_text('{"topicConfigTable":{"T":{"perm":"many"}}}')
    with pytest.raises(CorruptDataError, match="perm"):
        manager_at(tmp_path).load()


def test_a_zero_byte_file_falls_back_to_its_backup(tmp_path):
    manager = manager_at(tmp_path)
    manager.create_in_send_message("A", "TBW102", "1.2.3.4:5", 4, 0)
    manager.create_in_send_message("B", "TBW102", "1.2.3.4:5", 4, 0)
    (tmp_path / "config" / "topics.json").write_bytes(b"")
    again = manager_at(tmp_path)
    assert again.load() is True
    assert again.get("A") is not None and again.get("B") is None


def test_attributes_are_altered_not_replaced(tmp_path):
    manager = manager_at(tmp_path)
    (created,) = asyncio.run(manager.update([TopicConfig(topic_name="T", attributes={"+message.type": "FIFO"})]))
    assert created.attributes == {"message.type": "FIFO"}
    (kept,) = asyncio.run(manager.update([TopicConfig(topic_name="T", perm=4)]))
    assert kept.attributes == {"message.type": "FIFO"} and kept.perm == 4
    (removed,) = asyncio.run(manager.update([TopicConfig(topic_name="T", attributes={"-message.type": ""})]))
    assert removed.attributes == {}


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"+message.type": "SOMETIMES"}, "not in set"),
        ({"+no.such": "x"}, "unsupported key"),
        ({"-message.type": ""}, "only add attribute"),
        ({"message.type": "NORMAL"}, "wrong format|kv string"),
        ({"+reserve.time": "5"}, "reserveTime not supported"),
    ],
)
def test_a_bad_attribute_changes_nothing(tmp_path, attributes, why):
    manager = manager_at(tmp_path)
    before = manager.data_version.counter
    with pytest.raises(RocketMQError, match=why):
        asyncio.run(
            manager.update([TopicConfig(topic_name="Good"), TopicConfig(topic_name="T", attributes=attributes)])
        )
    assert manager.get("Good") is None and manager.get("T") is None
    assert manager.data_version.counter == before


def test_an_unchangeable_attribute_stays(tmp_path):
    manager = manager_at(tmp_path)
    asyncio.run(manager.update([TopicConfig(topic_name="T", attributes={"+queue.type": "SimpleCQ"})]))
    with pytest.raises(RocketMQError, match="unchangeable"):
        asyncio.run(manager.update([TopicConfig(topic_name="T", attributes={"+queue.type": "BatchCQ"})]))


@pytest.mark.parametrize("topic", ["", "bad topic", "x" * 128, "TBW102", "DefaultCluster", "rmq_sys_x"])
def test_names_that_an_administrator_may_not_use(tmp_path, topic):
    with pytest.raises(RocketMQError):
        manager_at(tmp_path).check_name(topic)


def test_order_topics_of_the_name_server_are_marked(tmp_path):
    manager = manager_at(tmp_path)
    manager.create_in_send_message("T", "TBW102", "1.2.3.4:5", 4, 0)
    counter = manager.data_version.counter
    manager.update_order(["T", "Unknown"])
    assert manager.is_order_topic("T") and manager.data_version.counter == counter + 1
    manager.update_order(["T"])
    assert manager.data_version.counter == counter + 1


def test_deletion_is_kept(tmp_path):
    manager = manager_at(tmp_path)
    manager.create_in_send_message("T", "TBW102", "1.2.3.4:5", 4, 0)
    assert manager.delete("T") is True
    assert manager.delete("T") is False
    manager.persist()
    again = manager_at(tmp_path)
    again.load()
    assert again.get("T") is None


def test_a_disk_that_refuses_the_file_does_not_refuse_the_client(tmp_path):
    manager = manager_at(tmp_path)
    (tmp_path / "config").write_text("in the way of the directory")
    created = manager.create_in_send_message("T", "TBW102", "1.2.3.4:5", 4, 0)
    assert manager.get("T") is created
    with pytest.raises(RocketMQError, match=r"topics\.json"):
        asyncio.run(manager.update([TopicConfig(topic_name="U"), TopicConfig(topic_name="T", read_queue_nums=9)]))
    assert manager.get("U") is None and manager.get("T") is created, "what was told to have failed is not so later"
    (tmp_path / "config").unlink()
    manager.persist()
    again = manager_at(tmp_path)
    again.load()
    assert again.get("T") is not None
