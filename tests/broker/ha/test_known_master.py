"""Where a slave's master is."""

from rocketmq_ops.broker.ha.known_master import KnownMaster
from rocketmq_ops.store.config import MessageStoreConfig


def test_it_is_what_a_name_server_says_and_its_replication_is_remembered():
    master, heard = KnownMaster(MessageStoreConfig()), []
    master.on_change(lambda: heard.append((master.address, master.ha_address)))
    master.learn("10.0.0.1:10911", "10.0.0.1:10912")
    master.learn("10.0.0.1:10911", "10.0.0.1:10912")
    master.learn(None, None)
    assert heard == [("10.0.0.1:10911", "10.0.0.1:10912"), (None, "10.0.0.1:10912")]


def test_a_configured_place_of_replication_counts():
    master = KnownMaster(MessageStoreConfig(haMasterAddress="10.9.9.9:1"))
    master.learn("10.0.0.1:10911", "10.0.0.1:10912")
    assert (master.address, master.ha_address) == ("10.0.0.1:10911", "10.9.9.9:1")
