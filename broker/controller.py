"""BrokerController: wires managers, store and server together and owns the start and stop order.

What lives here: construction, ports, periodic jobs, registration rhythm. No request handling (``processors/``)
and no state of its own beyond the managers. Conventions that every manager follows:

* it is constructed with the controller alone (``TopicConfigManager(controller)``) and reads
  ``controller.config`` / ``controller.store_config`` when it needs a setting, never a copy of one;
* managers with a file have ``load() -> bool`` and ``persist() -> None`` (through ``common/files.py``);
* everything runs on the one event loop; handlers are plain functions.

What the hot processors call on the managers that live in other modules:

``topics`` (TopicConfigManager)
    ``table: dict[str, TopicConfig]`` (an update replaces the entry, so identity tells a change),
    ``get(topic)``, ``is_order_topic(topic)``,
    ``create_in_send_message(topic, default_topic, remote, queue_nums, sys_flag) -> TopicConfig | None``,
    ``create_in_send_message_back(topic, queue_nums, perm, order=False, sys_flag=0) -> TopicConfig | None``.
``groups`` (SubscriptionGroupManager)
    ``find(group) -> SubscriptionGroupConfig | None`` (auto-creating as Apache's), ``contains(group)``,
    ``forbidden(group, topic, index) -> bool``.
``stats`` (BrokerStats)
    ``topic_counters(topic)`` -> object with ints ``put_nums``, ``put_size`` that the send path adds to, and
    ``group_counters(group, topic)`` -> object with ints ``get_nums``, ``get_size``; sampling is done by the stats.
``outer`` (BrokerOuterApi)
    ``await register_all()``, ``await unregister_all()``, ``await close()``; never raises for one name server.

Mirrors org.apache.rocketmq.broker.BrokerController.
"""
