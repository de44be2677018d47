"""A small stateful cluster behind a FakeTransport: name servers and brokers with topics, groups, offsets and keys."""

from __future__ import annotations

from typing import Any

from rocketmq_ops.common.fastjson import ObjectKey, dumps, loads
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.replay import FakeTransport

TOPIC_FIELDS = {"readQueueNums": int, "writeQueueNums": int, "perm": int, "topicSysFlag": int}


class FakeBroker:
    """One master. `server_side_reset` False behaves as a broker before 5.0 without an online consumer."""

    def __init__(self, transport: FakeTransport, name: str, cluster: str, address: str) -> None:
        self.name, self.cluster, self.address = name, cluster, address
        self.topics: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.committed: dict[tuple[str, str, int], int] = {}
        self.ends: dict[tuple[str, int], int] = {}
        self.modes: dict[str, dict[str, Any]] = {}
        self.producers: dict[str, list[dict[str, Any]]] = {}
        self.consumers: dict[str, dict[str, Any]] = {}
        self.running: dict[str, dict[str, Any]] = {}
        self.delays: dict[tuple[str, str, int], int] = {}
        self.config = {"useServerSideResetOffset": "true", "brokerName": name, "slaveReadEnable": "false"}
        #: Fields of the answer with the configuration.
        self.config_version: dict[str, str] | None = None
        self.knows_topic_config = True
        self.knows_lists = True
        self.ignores_updates = False
        self.server_side_reset = True
        for code, handler in (
            (Code.GET_TOPIC_CONFIG, self.get_topic),
            (Code.GET_ALL_TOPIC_CONFIG, self.get_topics),
            (Code.UPDATE_AND_CREATE_TOPIC, self.update_topic),
            (Code.DELETE_TOPIC_IN_BROKER, self.delete_topic),
            (Code.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, self.get_groups),
            (Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, self.update_group),
            (Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, self.update_groups),
            (Code.GET_ALL_MESSAGE_REQUEST_MODE, lambda c: c.reply(body=dumps({"messageRequestModeMap": self.modes}))),
            (Code.SET_MESSAGE_REQUEST_MODE, self.set_mode),
            (Code.GET_ALL_PRODUCER_INFO, lambda c: c.reply(body=dumps({"data": self.producers}))),
            (Code.DELETE_SUBSCRIPTIONGROUP, self.delete_group),
            (Code.GET_CONSUME_STATS, self.consume_stats),
            (Code.GET_TOPIC_STATS_INFO, self.topic_stats),
            (Code.GET_BROKER_CONSUME_STATS, self.all_consume_stats),
            (Code.GET_CONSUMER_CONNECTION_LIST, self.connections),
            (Code.GET_CONSUMER_RUNNING_INFO, self.running_info),
            (Code.QUERY_CONSUME_TIME_SPAN, self.time_span),
            (Code.GET_MIN_OFFSET, lambda c: c.reply(ext_fields={"offset": "0"})),
            (Code.GET_MAX_OFFSET, self.max_offset),
            (Code.SEARCH_OFFSET_BY_TIMESTAMP, self.search_offset),
            (Code.QUERY_CONSUMER_OFFSET, self.query_offset),
            (Code.UPDATE_CONSUMER_OFFSET, self.commit_offset),
            (Code.QUERY_TOPIC_CONSUME_BY_WHO, self.groups_of_topic),
            (Code.GET_ALL_CONSUMER_OFFSET, self.all_offsets),
            (Code.INVOKE_BROKER_TO_RESET_OFFSET, self.reset),
            (Code.GET_BROKER_CONFIG, self.get_config),
            (Code.UPDATE_BROKER_CONFIG, self.update_config),
            (Code.GET_BROKER_RUNTIME_INFO, self.runtime),
        ):
            transport.on(address, code, handler)

    def add_topic(self, topic: str, queues: int = 2, **more: Any) -> None:
        self.topics[topic] = {
            "topicName": topic,
            "readQueueNums": queues,
            "writeQueueNums": queues,
            "perm": 6,
            "topicFilterType": "SINGLE_TAG",
            "topicSysFlag": 0,
            "order": False,
            "attributes": {},
            **more,
        }

    def get_topic(self, c: RemotingCommand) -> RemotingCommand:
        if not self.knows_topic_config:
            return c.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, "not supported")
        found = self.topics.get(c.ext_fields["topic"])
        if found is None:
            return c.reply(ResponseCode.TOPIC_NOT_EXIST, "No topic in this broker.")
        return c.reply(body=dumps(found))

    def get_topics(self, c: RemotingCommand) -> RemotingCommand:
        return c.reply(body=dumps({"topicConfigTable": self.topics, "dataVersion": {"counter": 1, "timestamp": 1}}))

    def update_topic(self, c: RemotingCommand) -> RemotingCommand:
        if self.ignores_updates:
            return c.reply()
        fields = c.ext_fields
        topic = self.topics.setdefault(fields["topic"], {"topicName": fields["topic"], "attributes": {}})
        topic.update({name: kind(fields[name]) for name, kind in TOPIC_FIELDS.items()})
        topic["order"], topic["topicFilterType"] = fields["order"] == "true", fields["topicFilterType"]
        for change in filter(None, fields.get("attributes", "").split(",")):
            name, _, value = change[1:].partition("=")
            if change[0] == "+":
                topic["attributes"][name] = value
            else:
                del topic["attributes"][name]
        return c.reply()

    def delete_topic(self, c: RemotingCommand) -> RemotingCommand:
        self.topics.pop(c.ext_fields["topic"], None)
        return c.reply()

    def get_groups(self, c: RemotingCommand) -> RemotingCommand:
        return c.reply(body=dumps({"subscriptionGroupTable": self.groups, "dataVersion": {}}))

    def update_group(self, c: RemotingCommand) -> RemotingCommand:
        self.put_group(loads(c.body_bytes))
        return c.reply()

    def update_groups(self, c: RemotingCommand) -> RemotingCommand:
        if not self.knows_lists:
            return c.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, " request type 225 not supported")
        for config in loads(c.body_bytes)["groupConfigList"]:
            self.put_group(config)
        return c.reply()

    def set_mode(self, c: RemotingCommand) -> RemotingCommand:
        mode = loads(c.body_bytes)
        if not self.ignores_updates:
            self.modes.setdefault(mode["topic"], {})[mode["consumerGroup"]] = mode
        return c.reply()

    def put_group(self, config: dict[str, Any]) -> None:
        held = self.groups.get(config["groupName"], {}).get("attributes", {})
        changes = config.get("attributes", {})
        config["attributes"] = {k: v for k, v in held.items() if f"-{k}" not in changes}
        config["attributes"].update({k[1:]: v for k, v in changes.items() if k[0] == "+"})
        self.groups[config["groupName"]] = config

    def delete_group(self, c: RemotingCommand) -> RemotingCommand:
        self.groups.pop(c.ext_fields["groupName"], None)
        return c.reply()

    def queue_key(self, topic: str, queue_id: int) -> ObjectKey:
        return ObjectKey({"brokerName": self.name, "queueId": queue_id, "topic": topic})

    def consume_stats(self, c: RemotingCommand) -> RemotingCommand:
        group, topic = c.ext_fields["consumerGroup"], c.ext_fields.get("topic")
        table = {
            self.queue_key(t, q): {
                "brokerOffset": self.ends.get((t, q), 0),
                "consumerOffset": offset,
                "pullOffset": offset,
                "lastTimestamp": 0,
            }
            for (g, t, q), offset in self.committed.items()
            if g == group and topic in (None, t)
        }
        return c.reply(body=dumps({"consumeTps": 1.5, "offsetTable": table}))

    def topic_stats(self, c: RemotingCommand) -> RemotingCommand:
        topic = c.ext_fields["topic"]
        queues = max(self.topics[topic]["readQueueNums"], self.topics[topic]["writeQueueNums"])
        table = {
            self.queue_key(topic, queue): {"minOffset": 0, "maxOffset": self.ends.get((topic, queue), 0)}
            for queue in range(queues)
        }
        return c.reply(body=dumps({"offsetTable": table, "topicPutTps": 0.0}))

    def all_consume_stats(self, c: RemotingCommand) -> RemotingCommand:
        """Of the groups that have a configuration; queues up to the write queues, 0 where nothing is committed."""
        listed = []
        for group in self.groups:
            tables = []
            for topic in dict.fromkeys(t for g, t, _ in self.committed if g == group and t in self.topics):
                table = {
                    self.queue_key(topic, q): {
                        "brokerOffset": self.ends.get((topic, q), 0),
                        "consumerOffset": self.committed.get((group, topic, q), 0),
                    }
                    for q in range(self.topics[topic]["writeQueueNums"])
                }
                tables.append({"consumeTps": 1.5, "offsetTable": table})
            listed.append({group: tables})
        return c.reply(body=dumps({"consumeStatsList": listed, "totalDiff": 0, "totalInflightDiff": 0}))

    def connections(self, c: RemotingCommand) -> RemotingCommand:
        online = self.consumers.get(c.ext_fields["consumerGroup"])
        if online is None:
            return c.reply(ResponseCode.CONSUMER_NOT_ONLINE, f"the consumer group[{c.ext_fields}] not online")
        return c.reply(body=dumps(online))

    def running_info(self, c: RemotingCommand) -> RemotingCommand:
        found = self.running.get(c.ext_fields["clientId"])
        if found is None:
            return c.reply(ResponseCode.CONSUME_MSG_TIMEOUT, f"consumer <{c.ext_fields['clientId']}> Timeout")
        return c.reply(body=dumps(found))

    def time_span(self, c: RemotingCommand) -> RemotingCommand:
        """The delays as they were set; as Apache's, the clock where the next message cannot be read."""
        group, topic = c.ext_fields["group"], c.ext_fields["topic"]
        if topic not in self.topics:
            return c.reply(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist")
        spans = [
            {
                "messageQueue": {"topic": topic, "brokerName": self.name, "queueId": q},
                "delayTime": self.delays.get((group, topic, q), 1 << 42),
            }
            for q in range(self.topics[topic]["writeQueueNums"])
        ]
        return c.reply(body=dumps({"consumeTimeSpanSet": spans}))

    def max_offset(self, c: RemotingCommand) -> RemotingCommand:
        key = (c.ext_fields["topic"], int(c.ext_fields["queueId"]))
        return c.reply(ext_fields={"offset": str(self.ends.get(key, 0))})

    def search_offset(self, c: RemotingCommand) -> RemotingCommand:
        """One message each ms from 0: the offset at a time is the time, up to the end."""
        key = (c.ext_fields["topic"], int(c.ext_fields["queueId"]))
        return c.reply(ext_fields={"offset": str(min(int(c.ext_fields["timestamp"]), self.ends.get(key, 0)))})

    def offset_key(self, c: RemotingCommand) -> tuple[str, str, int]:
        return c.ext_fields["consumerGroup"], c.ext_fields["topic"], int(c.ext_fields["queueId"])

    def query_offset(self, c: RemotingCommand) -> RemotingCommand:
        offset = self.committed.get(self.offset_key(c))
        if offset is None:
            return c.reply(ResponseCode.QUERY_NOT_FOUND, "Not found")
        return c.reply(ext_fields={"offset": str(offset)})

    def groups_of_topic(self, c: RemotingCommand) -> RemotingCommand:
        groups = {group for group, topic, _ in self.committed if topic == c.ext_fields["topic"]}
        return c.reply(body=dumps({"groupList": sorted(groups)}))

    def all_offsets(self, c: RemotingCommand) -> RemotingCommand:
        table: dict[str, dict[int, int]] = {}
        for (group, topic, q), offset in self.committed.items():
            table.setdefault(f"{topic}@{group}", {})[q] = offset
        return c.reply(body=dumps({"offsetTable": table}))

    def commit_offset(self, c: RemotingCommand) -> RemotingCommand:
        if not self.ignores_updates:
            self.committed[self.offset_key(c)] = int(c.ext_fields["commitOffset"])
        return c.reply()

    def reset(self, c: RemotingCommand) -> RemotingCommand:
        if not self.server_side_reset:
            return c.reply(ResponseCode.CONSUMER_NOT_ONLINE, "the consumer is not online")
        fields = c.ext_fields
        topic, group, queue_id = fields["topic"], fields["group"], int(fields["queueId"])
        table = {}
        for q in range(self.topics[topic]["readQueueNums"]) if queue_id < 0 else [queue_id]:
            end, timestamp = self.ends.get((topic, q), 0), int(fields["timestamp"])
            target = int(fields["offset"]) if queue_id >= 0 else end if timestamp < 0 else min(timestamp, end)
            table[self.queue_key(topic, q)] = target
            if not self.ignores_updates:
                self.committed[(group, topic, q)] = target
        return c.reply(body=dumps({"offsetTable": table}))

    def get_config(self, c: RemotingCommand) -> RemotingCommand:
        body = "".join(f"{k}={v}\n" for k, v in self.config.items()).encode()
        return c.reply(body=body, ext_fields=self.config_version)

    def update_config(self, c: RemotingCommand) -> RemotingCommand:
        if not self.ignores_updates:
            key, _, value = c.body_bytes.decode().strip().partition("=")
            self.config[key] = value
        return c.reply()

    def runtime(self, c: RemotingCommand) -> RemotingCommand:
        return c.reply(
            body=dumps({"table": {"brokerVersionDesc": "V5_3_3", "putTps": "1.5 1.0 0.5", "brokerActive": "true"}})
        )


class FakeCluster:
    """Name servers that know the given brokers; a topic's route is made of the brokers that hold it."""

    def __init__(self, *brokers: tuple[str, str], name_servers: int = 1) -> None:
        self.transport = FakeTransport()
        self.name_servers = [f"10.0.0.{index + 1}:9876" for index in range(name_servers)]
        self.kv: dict[str, dict[tuple[str, str], str]] = {address: {} for address in self.name_servers}
        self.hidden: set[tuple[str, str]] = set()
        #: Brokers whose master is away: their slave is at the address.
        self.headless: set[str] = set()
        #: (name server, broker, topic) -> the permission in the route there, where it is not the broker's.
        self.permissions: dict[tuple[str, str, str], int] = {}
        #: What a name server says that it does, and does not.
        self.ignores: set[int] = set()
        self.brokers = {
            name: FakeBroker(self.transport, name, cluster, f"10.1.0.{index + 1}:10911")
            for index, (name, cluster) in enumerate(brokers or (("broker-a", "C1"),))
        }
        for address in self.name_servers:
            self.start_name_server(address)

    def start_name_server(self, address: str) -> None:
        for code, handler in (
            (Code.GET_BROKER_CLUSTER_INFO, self.cluster_info),
            (Code.GET_ROUTEINFO_BY_TOPIC, lambda c: self.route(address, c)),
            (Code.WIPE_WRITE_PERM_OF_BROKER, lambda c: self.permission(address, c)),
            (Code.ADD_WRITE_PERM_OF_BROKER, lambda c: self.permission(address, c)),
            (Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, self.topic_list),
            (Code.DELETE_TOPIC_IN_NAMESRV, self.delete_route),
            (Code.GET_KV_CONFIG, lambda c: self.get_kv(address, c)),
            (Code.PUT_KV_CONFIG, lambda c: self.put_kv(address, c)),
            (Code.DELETE_KV_CONFIG, lambda c: self.delete_kv(address, c)),
        ):
            self.transport.on(address, code, handler)

    def stop(self, address: str) -> None:
        """Connections to this address are refused from now on."""
        for key in [key for key in self.transport.handlers if key[0] == address]:
            del self.transport.handlers[key]

    def __getitem__(self, name: str) -> FakeBroker:
        return self.brokers[name]

    @property
    def namesrv(self) -> str:
        return ";".join(self.name_servers)

    def broker_data(self, broker: FakeBroker) -> dict[str, Any]:
        return {
            "brokerName": broker.name,
            "cluster": broker.cluster,
            "brokerAddrs": {int(broker.name in self.headless): broker.address},
        }

    def cluster_info(self, c: RemotingCommand) -> RemotingCommand:
        clusters: dict[str, list[str]] = {}
        for broker in self.brokers.values():
            clusters.setdefault(broker.cluster, []).append(broker.name)
        table = {broker.name: self.broker_data(broker) for broker in self.brokers.values()}
        return c.reply(body=dumps({"brokerAddrTable": table, "clusterAddrTable": clusters}))

    def holders(self, topic: str) -> list[FakeBroker]:
        return [b for b in self.brokers.values() if topic in b.topics and (topic, b.name) not in self.hidden]

    def route(self, address: str, c: RemotingCommand) -> RemotingCommand:
        topic = c.ext_fields["topic"]
        holders = self.holders(topic)
        if not holders:
            return c.reply(ResponseCode.TOPIC_NOT_EXIST, f"No topic route info in name server for the topic: {topic}")
        queues = [{"brokerName": b.name, **{n: b.topics[topic][n] for n in TOPIC_FIELDS}} for b in holders]
        for queue in queues:
            queue["perm"] = self.permissions.get((address, queue["brokerName"], topic), queue["perm"])
        return c.reply(body=dumps({"brokerDatas": [self.broker_data(b) for b in holders], "queueDatas": queues}))

    def topic_list(self, c: RemotingCommand) -> RemotingCommand:
        names = list(dict.fromkeys(topic for broker in self.brokers.values() for topic in broker.topics))
        return c.reply(body=dumps({"topicList": names}))

    def permission(self, address: str, c: RemotingCommand) -> RemotingCommand:
        """RouteInfoManager.operateWritePermOfBroker: the number is of all topics, whatever they had before."""
        wipes = c.code == Code.WIPE_WRITE_PERM_OF_BROKER
        broker = self[c.ext_fields["brokerName"]]
        if c.code not in self.ignores:
            for topic, config in broker.topics.items():
                key = (address, broker.name, topic)
                self.permissions[key] = self.permissions.get(key, config["perm"]) & ~2 if wipes else 6
        return c.reply(ext_fields={"wipeTopicCount" if wipes else "addTopicCount": str(len(broker.topics))})

    def delete_route(self, c: RemotingCommand) -> RemotingCommand:
        if c.code in self.ignores:
            return c.reply()
        cluster = c.ext_fields.get("clusterName")
        for broker in self.brokers.values():
            if cluster in (None, broker.cluster):
                self.hidden.add((c.ext_fields["topic"], broker.name))
        return c.reply()

    def get_kv(self, address: str, c: RemotingCommand) -> RemotingCommand:
        value = self.kv[address].get((c.ext_fields["namespace"], c.ext_fields["key"]))
        if value is None:
            return c.reply(ResponseCode.QUERY_NOT_FOUND, "No config item")
        return c.reply(ext_fields={"value": value})

    def put_kv(self, address: str, c: RemotingCommand) -> RemotingCommand:
        if c.code in self.ignores:
            return c.reply()
        self.kv[address][(c.ext_fields["namespace"], c.ext_fields["key"])] = c.ext_fields["value"]
        return c.reply()

    def delete_kv(self, address: str, c: RemotingCommand) -> RemotingCommand:
        self.kv[address].pop((c.ext_fields["namespace"], c.ext_fields["key"]), None)
        return c.reply()
