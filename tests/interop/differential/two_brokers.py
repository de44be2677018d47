"""Apache's name server with two brokers of one cluster, what is on them before the comparison, and what changed since.

Each row runs twice, once by Apache's mqadmin and once by ours. What it reads is the same for both; what it changes has a
name for each side that ends in the side's mark (`moved_java`, `moved_ours`), so that neither finds the other's work. All
that the two print and leave behind is compared with the marks taken out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.interop.apache import Broker, Driver, NameServer, wait_until
from tests.interop.ours import Ran, mqadmin
from tests.interop.processes import free_port
from tests.interop.raw import call, wait_for_route

from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.remoting.codes import RequestCode

JAVA, OURS = "java", "ours"
SIDES = (JAVA, OURS)
CLUSTER = "DefaultCluster"
AUTH = "org.apache.rocketmq.auth"
#: Users and ACLs are kept by 5.3 and later once a provider is named; none is asked for a password.
_KEEPS_USERS = {
    "authenticationMetadataProvider": f"{AUTH}.authentication.provider.LocalAuthenticationMetadataProvider",
    "authorizationMetadataProvider": f"{AUTH}.authorization.provider.LocalAuthorizationMetadataProvider",
}

_LITE = {"enableLmq": "true", "enableMultiDispatch": "true"}
SETTINGS = {"5.3.3": _KEEPS_USERS, "5.5.0": {**_KEEPS_USERS, **_LITE}}
#: What `broker-a` has besides, so that both brokers of 5.5.0 tell what they say with and without it.
SETTINGS_OF_A = {"5.5.0": {"timerRocksDBEnable": "true"}}

#: What files for updateTopicList and updateSubGroupList hold.
LISTED: dict[str, dict[str, int]] = {
    "topics": {"readQueueNums": 2, "writeQueueNums": 2, "perm": 6},
    "groups": {"retryMaxTimes": 4},
}

#: Topics that the rows give an order configuration. A broker sets `order` of such a topic by itself when it registers
#: next, up to 30 s later (TopicConfigManager.updateOrderTopicConfig): whichever command runs then did not do it.
ORDER_CONFIGURED = "gone_"

State = dict[tuple[Any, ...], Any]


class TwoBrokers:
    """A name server, `broker-a` and `broker-b`, and Apache's tools of the same version."""

    def __init__(self, version: str, scratch: Path, driver: Driver) -> None:
        self.version, self.scratch, self.driver = version, scratch, driver
        self.nameserver = NameServer(version, scratch / "namesrv")
        self.namesrv = self.nameserver.address
        self.brokers: dict[str, Broker] = {}
        settings = {"broker-a": {**SETTINGS.get(version, {}), **SETTINGS_OF_A.get(version, {})}}
        settings["broker-b"] = SETTINGS.get(version, {})
        #: Where each side's exports go.
        self.exports = {side: scratch / f"exports_{side}" for side in SIDES}
        try:
            self.nameserver.wait_ready()
            for name in ("broker-a", "broker-b"):
                self.brokers[name] = Broker(version, scratch / name, self.namesrv, name=name, settings=settings[name])
            for name, broker in self.brokers.items():
                broker.child.wait_for("boot success", 180)
                wait_for_route(self.namesrv, "TBW102", name)
            self.values = {
                "A": self.brokers["broker-a"].address,
                "B": self.brokers["broker-b"].address,
                "C": CLUSTER,
                "D": f"127.0.0.1:{free_port()}",
                "N": self.namesrv,
                "S": str(scratch),
            }
            self._seed()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        for broker in self.brokers.values():
            broker.child.kill()
        self.nameserver.child.kill()

    def words(self, line: str, side: str) -> list[str]:
        """The words of a row's line for one side; `~` is a blank within a word."""
        values = {**self.values, "s": side, "O": str(self.exports[side])}
        return [word.format(**values).replace("~", " ") for word in line.split()]

    def java(self, line: str) -> str:
        words = self.words(line, JAVA)
        return self.plain(self.driver.mqadmin(*words, *(() if "-n" in words else ("-n", self.namesrv))))

    def ours(self, line: str, side: str = OURS) -> Ran:
        words = self.words(line, side)
        namesrv = None if "-n" in words else self.namesrv
        ran = mqadmin(*words, namesrv=namesrv, output="json", env={"TMPDIR": str(self.scratch)})
        ran.out, ran.err = self.plain(ran.out), self.plain(ran.err)
        return ran

    def plain(self, text: str) -> str:
        """Without the marks of the sides, and with names for the addresses."""
        text = re.sub(r"(?m)^\d\d:\d\d:\d\d,\d+ \|-.*\n", "", text)
        for key, name in (("A", "<a>"), ("B", "<b>"), ("D", "<dead>"), ("N", "<namesrv>")):
            text = text.replace(self.values[key], name)
        return re.sub(r"_(java|ours)\b", "_side", text)

    def ask(self, op: str, **request: Any) -> Any:
        return self.driver.ask(op, namesrv=self.namesrv, **request)

    def _seed(self) -> None:
        """Topics with known messages, a group online and one offline, a producer; and the like for each side."""
        topics = {"orders": 2, "idle": 2, "paid": 2, **{f"{name}_{s}": 2 for name in ("moved", "gone") for s in SIDES}}
        for topic, queues in topics.items():
            self.must(f"updateTopic -c {CLUSTER} -t {topic} -r {queues} -w {queues}")
        for topic, permission in (("sealed", 4), ("dark", 2)):
            self.must(f"updateTopic -c {CLUSTER} -t {topic} -r 2 -w 2 -p {permission}")
        for topic in topics:
            for name in self.brokers:
                wait_for_route(self.namesrv, topic, name)
        self.send("dark", 4, "till")
        sent = self.send("orders", 24, "till")
        self.values |= {"I": sent[5]["offsetMsgId"], "U": sent[5]["msgId"]}
        traced = self.ours("sendMessage -t paid -p traced -k traced-key -m true")
        self.values["T"] = traced.json["data"]["msgId"]
        for side in SIDES:
            self.send(f"moved_{side}", 24, "till")
        for group in ("readers", *(f"{g}_{s}" for g in ("offline", "other") for s in SIDES)):
            self.must(f"updateSubGroup -c {CLUSTER} -g {group}")
        if self.version == "5.5.0":
            lite = "+message.type=LITE,+lite.topic.expiration=60"
            self.must(f"updateTopic -c {CLUSTER} -t parent -r 1 -w 1 -a {lite}")
            self.must(f"updateSubGroup -c {CLUSTER} -g lite --attributes +lite.bind.topic=parent")
        self.consume("online", "orders", "readers", 24)
        # A client commits for its retry topic when a first pull of it ends, half a minute later: commands show it from then on.
        for broker in self.brokers.values():
            retries = {"consumerGroup": "readers", "topic": "%RETRY%readers", "queueId": "0", "commitOffset": "0"}
            call(broker.address, RequestCode.UPDATE_CONSUMER_OFFSET, retries)
        for side in SIDES:
            self.consume(f"once_{side}", f"moved_{side}", f"offline_{side}", 24)
            self.ask("consumer.close", name=f"once_{side}")
            offset = {"consumerGroup": f"offline_{side}", "topic": "idle", "queueId": "0", "commitOffset": "0"}
            call(self.brokers["broker-a"].address, RequestCode.UPDATE_CONSUMER_OFFSET, offset)
        wait_until(lambda: "not exist" not in self.java("producerConnection -g till -t orders"), "the producer", 40)

        for side in SIDES:
            self.exports[side].mkdir()
            for kind, field in (("topics", "topicName"), ("groups", "groupName")):
                (self.scratch / f"{kind}_{side}.json").write_text(
                    json.dumps([{field: f"listed_{side}", **LISTED[kind]}])
                )

    def must(self, line: str) -> None:
        ran = self.ours(line)
        assert ran.code == 0, ran

    def send(self, topic: str, count: int, group: str) -> list[dict[str, Any]]:
        messages = [
            {"topic": topic, "tags": f"Tag{i % 3}", "keys": f"key-{i}", "body": f"body {i}", "queue": i % 4}
            for i in range(count)
        ]
        results: list[dict[str, Any]] = self.ask("send", messages=messages, group=group)
        return results

    def consume(self, name: str, topic: str, group: str, count: int) -> None:
        """Until all is consumed, and the brokers have the offsets."""
        self.ask("subscribe", name=name, topic=topic, group=group, instanceName=name)
        assert len(self.ask("received", name=name, count=count, timeoutMs=60_000)) == count

        def committed() -> bool:
            self.ask("consumer.commit", name=name)
            queues = [v for k, v in self.state().items() if k[0] == "offset" and k[2] == f"{topic}@{group}"]
            return sum(queues) == count

        wait_until(committed, f"the offsets of {group}", 30)

    def state(self) -> State:
        """All that a command may change: configuration, topics, groups, offsets, routes, KV, and what is stored."""
        found: State = {}
        for name, broker in self.brokers.items():
            found |= self._of_broker(name, broker.address)
        for topic in sorted({key[2] for key in found if key[0] == "topic" and _watched(key[2])} - {"broker-a"}):
            for queues in loads(
                call(self.namesrv, RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": topic}).body or b"{}"
            ).get("queueDatas", ()):
                for field in ("perm", "readQueueNums", "writeQueueNums"):
                    found["route", topic, queues["brokerName"], field] = queues[field]
        found |= _properties(("namesrv",), call(self.namesrv, RequestCode.GET_NAMESRV_CONFIG).body)
        for namespace in ("ORDER_TOPIC_CONFIG", *(f"space_{side}" for side in SIDES)):
            answer = call(self.namesrv, RequestCode.GET_KVLIST_BY_NAMESPACE, {"namespace": namespace})
            if answer.code == 0:
                found |= {("kv", namespace, key): value for key, value in loads(answer.body)["table"].items()}
        return found

    def _of_broker(self, name: str, address: str) -> State:
        found = _properties(("config", name), call(address, RequestCode.GET_BROKER_CONFIG).body)
        configs = loads(call(address, RequestCode.GET_ALL_TOPIC_CONFIG).body)
        groups = loads(call(address, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG).body)
        tables = (("topic", configs["topicConfigTable"]), ("group", groups["subscriptionGroupTable"]))
        for kind, table in tables:
            for item, fields in table.items():
                # Java's reading commands pull as a consumer of a group of theirs, whose retry topic comes at some time.
                if item == "%RETRY%TOOLS_CONSUMER":
                    continue
                found |= {
                    (kind, name, item, field): value
                    for field, value in fields.items()
                    if not (field == "order" and item.startswith(ORDER_CONFIGURED))
                }
        found |= _mappings(name, configs)
        for pair, queues in loads(call(address, RequestCode.GET_ALL_CONSUMER_OFFSET).body)["offsetTable"].items():
            # What the consumer that is online commits for its retry topic comes at its own times, and so do the offsets
            # that a broker since 5.0 keeps for broadcasting clients.
            if not pair.startswith("%RETRY%readers@") and not pair.endswith("@broadcast"):
                found |= {("offset", name, pair, int(queue)): offset for queue, offset in queues.items()}
        if not self.version.startswith("4."):
            users = loads(call(address, RequestCode.AUTH_LIST_USER).body or b"[]")
            found |= {("user", name, user["username"]): (user["userType"], user["userStatus"]) for user in users}
            acls = loads(call(address, RequestCode.AUTH_LIST_ACL).body or b"[]")
            found |= {("acl", name, acl["subject"]): json.dumps(acl["policies"]) for acl in acls}
        modes = call(address, RequestCode.GET_ALL_MESSAGE_REQUEST_MODE)
        for topic, groups in (loads(modes.body)["messageRequestModeMap"] if modes.code == 0 else {}).items():
            found |= {("mode", name, topic, group): mode["mode"] for group, mode in groups.items()}
        for topic in {key[2] for key in found if key[0] == "topic" and _watched(key[2])}:
            body = call(address, RequestCode.GET_TOPIC_STATS_INFO, {"topic": topic}).body
            ends = re.finditer(rb'"queueId":(\d+)[^{}]*\}:\{[^{}]*"maxOffset":(\d+)', body)
            found |= {("stored", name, topic, int(end[1])): int(end[2]) for end in ends}
        return found

    def changed(self, before: State, after: State) -> State:
        """What is not as before, without the marks of the sides: its value now (None: gone), of a queue's end how far it moved."""
        keys = sorted({*before, *after}, key=repr)
        return {
            tuple(self._plain(part) for part in key): self._plain(_change(key, before.get(key), after.get(key)))
            for key in keys
            if before.get(key) != after.get(key)
        }

    def _plain(self, part: Any) -> Any:
        return self.plain(part) if isinstance(part, str) else part


def _mappings(broker: str, configs: Any) -> State:
    """Where the messages of each logical queue of static topics lie, as a broker has it."""
    return {
        ("mapping", broker, topic, int(queue)): json.dumps(
            [[item["bname"], item["queueId"], item["logicOffset"], item["startOffset"]] for item in items]
        )
        for topic, detail in (configs.get("topicQueueMappingDetailMap") or {}).items()
        for queue, items in (detail.get("hostedQueues") or {}).items()
    }


def _watched(topic: str) -> bool:
    """Whether routes and ends of a topic are looked at: those that the rows use."""
    return topic in ("orders", "paid", "broker-a") or topic.endswith(SIDES)


def _change(key: tuple[Any, ...], before: Any, after: Any) -> Any:
    if key[0] == "stored" and before is not None and after is not None:
        return f"{after - before:+d}"
    return after


def _properties(prefix: tuple[str, ...], body: bytes) -> State:
    lines = (line.partition("=") for line in body.decode("utf-8", "replace").splitlines())
    return {(*prefix, key): value for key, separator, value in lines if separator}
