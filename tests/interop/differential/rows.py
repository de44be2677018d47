"""The table of the comparison: commands with healthy and with failing arguments, in the order in which they run.

A new command gets a row here, or its reason in `excused.py`; `python scripts/gen_differential.py` then writes the page.
"""

from __future__ import annotations

from typing import Any

from tests.interop.differential.client_rows import CLIENTS
from tests.interop.differential.export_rows import EXPORTS
from tests.interop.differential.failing_rows import FAILING
from tests.interop.differential.feature_rows import FEATURES
from tests.interop.differential.lite_rows import LITE
from tests.interop.differential.reading import (
    columns,
    done,
    each,
    json_in,
    lines,
    message,
    our_message,
    printed,
    rows,
    settings,
    values,
)
from tests.interop.differential.reset_rows import RESETS
from tests.interop.differential.static_rows import STATIC
from tests.interop.differential.table import (
    ALL,
    CONNECT,
    FIVE,
    FIVE_5,
    FOUR_9,
    NO_EFFECT,
    NOT_FOUND,
    REFUSED,
    STACK,
    Row,
    better,
    changed,
    different,
    fails,
    offsets_changed,
    outcome,
    same,
)

_ROUTE = ("brokerName", "readQueueNums", "writeQueueNums", "perm", "topicSysFlag")
_QUEUES = ("topic", "brokerName", "queueId", "brokerOffset", "consumerOffset", "lag", "inflight")
_FIGURES = ("brokerVersionDesc", "brokerActive", "msgPutTotalTodayNow", "commitLogMinOffset")
_KEYS = ("brokerName", "fileReservedTime", "flushDiskType", "listenPort", "brokerIP1", "brokerClusterName")
_GROUP = ("groupName", "consumeEnable", "consumeBroadcastEnable", "retryQueueNums", "retryMaxTimes", "brokerId")


def _route(answer: Any) -> Any:
    return sorted(tuple(queues[field] for field in _ROUTE) for queues in json_in(answer)["queueDatas"])


def _printed_by_us(answer: Any) -> Any:
    return sorted((m["msgId"], m["queueId"], m["queueOffset"], m["body"]) for m in answer.data["messages"])


def _figures(answer: Any) -> Any:
    """Java's lines `name : value`, of a cluster with the broker's address first."""
    found: dict[str, dict[str, str]] = {}
    for line in answer.text.splitlines():
        left, separator, right = line.partition(":")
        words = left.split()
        if separator and words and words[-1] in _FIGURES:
            found.setdefault(words[0] if len(words) > 1 else "", {})[words[-1]] = right.strip()
    return found


def _our_figures(named: bool) -> Any:
    def read(answer: Any) -> Any:
        return {
            server["broker"]["address"] if named else "": {
                name: server["figures"][name] for name in _FIGURES if name in server["figures"]
            }
            for server in answer.data["brokers"]
        }

    return read


def _clients(answer: Any) -> Any:
    """What consumerConnection prints: clients, subscriptions, and the ways of consuming."""
    clients = columns(0, 2, 3)(answer)
    text = answer.text
    subscriptions = [
        tuple(line.split()) for line in text.partition("#SubExpression")[2].splitlines()[1:] if line.strip()
    ]
    subscriptions = [pair for pair in subscriptions if len(pair) == 2 and not pair[0].endswith(":")]
    ways = [line.split(": ")[1] for line in text.splitlines() if line.startswith(("ConsumeT", "MessageM", "ConsumeF"))]
    return clients, sorted(subscriptions), ways


def _our_clients(answer: Any) -> Any:
    data = answer.data
    return (
        rows("connections", "clientId", "language", "version")(answer),
        rows("subscriptions", "topic", "subString")(answer),
        [data["consumeType"], data["messageModel"], data["consumeFromWhere"]],
    )


def _fields_changed(answer: Any) -> Any:
    """The settings of topics or groups that the command changed."""
    return sorted({key[3] for key in answer.effect if key[0] in ("topic", "group")})


def _acl_rows(answer: Any) -> Any:
    return sorted(
        (entry["subject"], entry["resource"], f"[{', '.join(entry['actions'])}]", entry["decision"])
        for entry in answer.data["entries"]
    )


READING: tuple[Row, ...] = (
    same(
        "clusterList",
        columns(0, 1, 2, 3, 4),
        rows("brokers", "cluster", "brokerName", "brokerId", "address", "version"),
        versions=ALL,
    ),
    same("topicList", lines, each("topics", "topic"), versions=ALL),
    same("topicRoute -t orders", _route, rows("brokers", *_ROUTE), versions=ALL),
    same(
        "topicRoute -t orders -l",
        lambda answer: [row for row in columns(1, 3, 4, 5)(answer) if row[0].startswith("broker-")],
        rows("brokers", "brokerName", "readQueueNums", "writeQueueNums", "perm"),
    ),
    fails("topicRoute -t nowhere", STACK, NOT_FOUND, versions=ALL),
    same(
        "topicStatus -t orders",
        columns(0, 1, 2, 3),
        rows("queues", "brokerName", "queueId", "minOffset", "maxOffset"),
        versions=ALL,
    ),
    better(
        "topicStatus -t orders",
        lambda answer: "Stored" in answer.text,
        lambda answer: all(
            0 < queue["earliestStoreTimestamp"] <= queue["latestStoreTimestamp"] for queue in answer.data["queues"]
        ),
        "the store times of each queue's first and last message, which brokers report and no command of Java's shows",
        False,
        True,
        extra="--store-times",
    ),
    fails("topicStatus -t nowhere", STACK, NOT_FOUND, versions=ALL),
    same("topicClusterList -t orders", lines, lambda answer: answer.data["clusters"]),
    fails("topicClusterList -t nowhere", STACK, NOT_FOUND, versions=ALL),
    same(
        "getConsumerConfig -g readers",
        lambda answer: sorted(tuple(found[n] for n in _GROUP) for found in settings(*_GROUP)(answer).values()),
        lambda answer: sorted(
            tuple(values("brokers", "brokerName", "config", *_GROUP)(answer)[b["brokerName"]][n] for n in _GROUP)
            for b in answer.data["brokers"]
        ),
    ),
    same("consumerProgress -g readers", columns(0, 1, 2, 3, 4, 5, 6), rows("group.queues", *_QUEUES), versions=FIVE),
    same(
        "consumerProgress",
        lambda answer: sorted(
            (words[0], int(words[1]), int(words[-1]))
            for words in map(str.split, answer.text.splitlines())
            if words and not words[0].startswith("#")
        ),
        rows("groups", "group", "count", "lagTotal"),
    ),
    fails("consumerProgress -g nobody", STACK, NOT_FOUND),
    same(
        "consumerStatus -g readers",
        lambda answer: [tuple(line.split()[1:3]) for line in lines(answer) if line[:1].isdigit()],
        lambda answer: [(client["clientId"], client["version"]) for client in answer.data["clients"]],
    ),
    same("consumerConnection -g readers", _clients, _our_clients, versions=ALL),
    fails("consumerConnection -g nobody", STACK, NOT_FOUND, versions=ALL),
    same(
        "producerConnection -g till -t orders",
        lambda answer: sorted((w[1], w[3], w[4]) for w in map(str.split, answer.text.splitlines()) if len(w) == 5),
        rows("connections", "clientId", "language", "version"),
    ),
    fails("producerConnection -g nobody -t orders", STACK, NOT_FOUND, versions=ALL),
    same(
        "brokerConsumeStats -b {A} -l 0",
        lambda answer: [row for row in columns(0, 1, 2, 3, 4, 5, 6)(answer) if row[0] in ("orders", "moved_side")],
        lambda answer: [
            row
            for row in rows(
                "queues", "topic", "group", "brokerName", "queueId", "brokerOffset", "consumerOffset", "diff"
            )(answer)
            if row[0] in ("orders", "moved_side")
        ],
    ),
    fails("brokerConsumeStats -b {D}", STACK, CONNECT, versions=ALL),
    same("brokerStatus -b {A}", _figures, _our_figures(named=False), versions=ALL),
    same("brokerStatus -c {C}", _figures, _our_figures(named=True)),
    fails("brokerStatus -b {D}", STACK, CONNECT, versions=ALL),
    same("getBrokerConfig -b {A}", settings(*_KEYS), values("servers", "address", "config", *_KEYS), versions=ALL),
    fails("getBrokerConfig -b {D}", STACK, CONNECT, versions=ALL),
    same(
        "getNamesrvConfig",
        settings("listenPort", "bindAddress"),
        values("servers", "address", "config", "listenPort", "bindAddress"),
    ),
    same("queryMsgById -t orders -i {I}", message, our_message, versions=FIVE),
    same(
        "queryMsgByUniqueKey -t orders -i {U}",
        lambda answer: (message(answer)[0][1:], message(answer)[1]),
        lambda answer: (our_message(answer)[0][1:], our_message(answer)[1]),
    ),
    same("queryMsgByOffset -t orders -b broker-a -i 1 -o 2", message, our_message),
    same(
        "queryMsgByKey -t orders -k key-7",
        columns(0, 1, 2),
        rows("messages", "message.msgId", "message.queueId", "message.queueOffset"),
        versions=ALL,
    ),
    fails("queryMsgById -t orders -i 7F00000100002A9F00000000FFFFFFFF", STACK, NOT_FOUND),
    same("printMsgByQueue -t orders -a broker-a -i 1 -d true -p true", printed, _printed_by_us),
    same("printMsg -t orders -d true", printed, _printed_by_us),
    same("consumeMessage -t orders -b broker-a -i 1 -o 0 -c 2", printed, _printed_by_us),
    fails("printMsg -t nowhere", STACK, NOT_FOUND, versions=ALL),
    same(
        "queryMsgTraceById -i {T}",
        lambda answer: sorted(
            (row[1], row[-2], row[-1]) for row in map(str.split, lines(answer)) if row[0] in ("Pub", "Sub")
        ),
        lambda answer: [
            (sent["group"], f"{sent['costMillis']}ms", "success" if sent["success"] else "failed")
            for sent in answer.data["sent"]
        ],
    ),
    fails("queryMsgTraceById -i {U}", STACK, NOT_FOUND),
    better(
        "allocateMQ -t orders -i 10.0.0.1,10.0.0.2",
        lambda answer: {
            c: sorted(f"{q['brokerName']}:{q['queueId']}" for q in queues)
            for c, queues in json_in(answer)["result"].items()
        },
        lambda answer: {
            c["client"]: [f"{q['brokerName']}:{q['queueId']}" for q in c["queues"]] for c in answer.data["clients"]
        },
        "clients share out a sorted list of queues; Java's command takes the queues in the order of a hash table, so that it "
        "shows what no client does",
        lambda facts: facts["10.0.0.1"] != ["broker-a:0", "broker-a:1"],
        {"10.0.0.1": ["broker-a:0", "broker-a:1"], "10.0.0.2": ["broker-b:0", "broker-b:1"]},
    ),
    same(
        "queryCq -t orders -q 1 -i 0 -c 2 -b {A}",
        lambda answer: sorted(
            tuple(part.split("=")[1] for part in line[18:].split(", ")[:3])
            for line in lines(answer)
            if line.startswith("ConsumeQueueData{")
        ),
        lambda answer: sorted(
            (str(u["physicOffset"]), str(u["physicSize"]), str(u["tagsCode"])) for u in answer.data["units"]
        ),
    ),
    same(
        "statsAll -t orders",
        columns(0, 1, 2, width=7),
        rows("stats", "topic", "group", "accumulation"),
    ),
    same(
        "producer -b {A}",
        lambda answer: sorted(
            {(line.split("(")[1].split(")")[0], line.split("clientId=")[1].split(",")[0]) for line in lines(answer)}
        ),
        lambda answer: sorted({(p["group"], p["clientId"]) for p in answer.data["producers"]}),
    ),
    same(
        "haStatus -b {A}",
        lambda answer: [
            line.split()[-1] for line in answer.text.splitlines() if line.startswith(("#MasterAddr", "#SlaveNum"))
        ],
        lambda answer: [answer.data["brokers"][0]["broker"]["address"], str(len(answer.data["brokers"][0]["slaves"]))],
    ),
    same(
        "getColdDataFlowCtrInfo -b {A}",
        lambda answer: [json_in(answer)[name] for name in ("cgColdReadThreshold", "globalColdReadThreshold")],
        lambda answer: [answer.data["brokers"][0][name] for name in ("groupThreshold", "globalThreshold")],
    ),
)

CHANGING: tuple[Row, ...] = (
    # Before wipeWritePerm and addWritePerm, which give every topic of the broker both permissions in its routes.
    better(
        "sendMessage -t sealed -p hello -b broker-a -i 0",
        lambda answer: "SEND_OK" in answer.text,
        outcome,
        "a topic without permission to write is left alone, as clients do; Java's with `-b` and `-i` writes to it",
        True,
        NOT_FOUND,
        versions=ALL,
        failing=True,
    ),
    fails("consumeMessage -t dark -b broker-a -i 0 -o 0 -c 1", STACK, NOT_FOUND, versions=(FOUR_9, FIVE_5)),
    changed("updateTopic -c {C} -t fresh_{s} -r 3 -w 3 -p 6", versions=ALL),
    changed("updateTopic -b {A} -t partial_{s} -r 2 -w 2", versions=ALL),
    better(
        "updateTopic -c nocluster -t fresh_{s} -r 3 -w 3",
        outcome,
        outcome,
        "Java's prints that the cluster may not exist, then the topic as if it were made; ours names the clusters and exits 4",
        lambda text: text.startswith("[error] Make sure the specified clusterName exists") and "TopicConfig [" in text,
        NOT_FOUND,
    ),
    changed("updateTopicPerm -b {A} -t gone_{s} -p 4"),
    changed("updateTopicPerm -c {C} -t gone_{s} -p 6"),
    # Java's command sends the settings of the first broker's queues to every broker.
    changed("updateTopic -b {A} -t uneven_{s} -r 2 -w 2"),
    changed("updateTopic -b {B} -t uneven_{s} -r 5 -w 5"),
    better(
        "updateTopicPerm -c {C} -t uneven_{s} -p 4",
        _fields_changed,
        _fields_changed,
        "only the permission is changed on each broker; Java's gives all brokers the number of queues of one of them",
        lambda fields: "readQueueNums" in fields,
        ["perm"],
        changes=True,
        effects_differ=True,
    ),
    better(
        "updateTopic -b {A} -t uneven_{s} -p 6",
        _fields_changed,
        _fields_changed,
        "settings that are not given stay; Java's puts its defaults there, here 8 queues",
        lambda fields: {"perm", "readQueueNums", "writeQueueNums"} <= set(fields),
        ["perm"],
        changes=True,
        effects_differ=True,
    ),
    changed("updateTopicList -c {C} -f {S}/topics_{s}.json"),
    changed("updateOrderConf -t gone_{s} -m put -v broker-a:2;broker-b:2"),
    same(
        "updateOrderConf -t gone_{s} -m get",
        lambda answer: answer.text.partition("orderConf=[")[2].partition("]")[0],
        lambda answer: answer.data["values"][0]["orderConf"],
    ),
    changed(
        "updateOrderConf -t gone_{s} -m delete", before="updateOrderConf -t gone_{s} -m put -v broker-a:2;broker-b:2"
    ),
    changed("updateSubGroup -c {C} -g fresh_{s} -r 3 -q 2", versions=ALL),
    better(
        "updateSubGroup -b {A} -g fresh_{s} -s false",
        _fields_changed,
        _fields_changed,
        "settings that are not given stay; Java's puts its defaults there, here 16 redeliveries and 1 retry queue",
        ["consumeEnable", "retryMaxTimes", "retryQueueNums"],
        ["consumeEnable"],
        changes=True,
        effects_differ=True,
    ),
    changed("updateSubGroupList -c {C} -f {S}/groups_{s}.json"),
    changed("setConsumeMode -c {C} -t moved_{s} -g offline_{s} -m POP -q 4"),
    changed("updateKvConfig -s space_{s} -k k -v v1", versions=ALL),
    changed("deleteKvConfig -s space_{s} -k k", versions=ALL),
    changed(
        "updateBrokerConfig -b {A} -k fileReservedTime -v 71",
        undo="updateBrokerConfig -b {A} -k fileReservedTime -v 72",
    ),
    changed(
        "updateBrokerConfig -c {C} -k fileReservedTime -v 70",
        undo="updateBrokerConfig -c {C} -k fileReservedTime -v 72",
    ),
    fails("updateBrokerConfig -b {D} -k fileReservedTime -v 71", STACK, CONNECT),
    changed(
        "updateNamesrvConfig -k orderMessageEnable -v true", undo="updateNamesrvConfig -k orderMessageEnable -v false"
    ),
    changed("cleanExpiredCQ -c {C}", changes=False),
    changed("cleanUnusedTopic -c {C}", changes=False),
    changed("deleteExpiredCommitLog -c {C}", changes=False),
    changed("wipeWritePerm -b broker-a", undo="addWritePerm -b broker-a", versions=ALL),
    changed("addWritePerm -b broker-a", before="wipeWritePerm -b broker-a"),
    changed("resetOffsetByTime -g offline_{s} -t moved_{s} -s 2020-01-01#00:00:00:000", versions=ALL),
    better(
        "brokerConsumeStats -b {A}",
        lambda answer: [row for row in columns(0, 1)(answer) if row == ("moved_side", "offline_side")],
        lambda answer: [
            row for row in rows("queues", "topic", "group")(answer) if row == ("moved_side", "offline_side")
        ],
        "queues of which a group has consumed nothing yet are shown; Java's leaves them out, and counts them in its total",
        [],
        lambda facts: len(facts) == 4,
    ),
    changed("skipAccumulatedMessage -g offline_{s} -t moved_{s}", versions=ALL),
    *RESETS,
    changed(
        "skipAccumulatedMessage -g offline_{s} -t moved_{s} -f true",
        before="resetOffsetByTime -g offline_{s} -t moved_{s} -s 0",
    ),
    changed("sendMessage -t paid -p hello -b broker-a -i 0", versions=ALL),
    fails("sendMessage -t paid -p hello -b broker-x -i 0", STACK, NOT_FOUND),
    changed("checkMsgSendRT -t paid -a 4 -s 10"),
    different(
        "sendMsgStatus -b broker-a -c 2 -s 10",
        lambda answer: answer.effect["stored", "broker-a", "broker-a", 0],
        lambda answer: answer.effect["stored", "broker-a", "broker-a", 0],
        "as many messages as asked for; Java's sends one more before it measures",
        "+3",
        "+2",
        changes=True,
        effects_differ=True,
    ),
    better(
        "cloneGroupOffset -s offline_{s} -d other_{s} -t moved_{s}",
        offsets_changed,
        offsets_changed,
        "only the offsets of the topic that is named are copied; Java's copies those of every topic that the group has "
        "consumed",
        ["idle@other_side", "moved_side@other_side"],
        ["moved_side@other_side"],
        changes=True,
        effects_differ=True,
    ),
    fails("resetOffsetByTime -g offline_{s} -t nowhere -s now", STACK, NOT_FOUND),
    changed("deleteTopic -c {C} -t gone_{s}"),
    better(
        "deleteTopic -c {C} -t nowhere_{s}",
        done,
        lambda answer: (answer.code, answer.document["status"]),
        "Java's reports success for a topic that is not there; ours says that nothing was deleted and exits 8",
        True,
        (NO_EFFECT, "no_effect"),
        failing=True,
    ),
    changed("updateColdDataFlowCtrGroupConfig -b {A} -g offline_{s} -v 4096", changes=False),
    changed("removeColdDataFlowCtrGroupConfig -b {A} -g offline_{s}", changes=False),
    changed("setCommitLogReadAheadMode -b {A} -m 0", changes=False),
    better(
        "resetMasterFlushOffset -b {A} -o 5",
        done,
        lambda answer: answer.code,
        "a master takes no such offset: Java's reports success, ours that nothing changed, and exits 8",
        True,
        NO_EFFECT,
    ),
    same(
        "switchTimerEngine -b {A} -e F",
        done,
        lambda answer: answer.code == 0,
        before="switchTimerEngine -b {A} -e F",
        versions=("5.5.0",),
    ),
    same(
        "switchTimerEngine -b {A} -e R",
        done,
        lambda answer: answer.code == 0,
        before="switchTimerEngine -b {A} -e F",
        changes=True,
        versions=("5.5.0",),
    ),
    fails("switchTimerEngine -b {B} -e R", STACK, REFUSED, versions=("5.5.0",)),
    changed("deleteSubGroup -c {C} -g fresh_{s}"),
)

ACCESS: tuple[Row, ...] = (
    changed("createUser -c {C} -u user_{s} -p secret -t Normal"),
    same("listUser -b {A}", columns(0, 2, 3), rows("users", "username", "userType", "userStatus")),
    better(
        "getUser -c {C} -u user_{s}",
        columns(0, 2, 3),
        rows("users", "broker", "username", "userType", "userStatus"),
        "the user on every broker; Java's shows that of the first broker that answers, and its password",
        [("user_side", "Normal", "enable")],
        lambda facts: len(facts) == 2 and len({fact[0] for fact in facts}) == 2,
    ),
    changed("updateUser -b {A} -u user_{s} -t Super"),
    changed("createAcl -c {C} -s User:user_{s} -r Topic:orders -a Pub -d Allow"),
    same("listAcl -b {A}", columns(0, 2, 3, 5), _acl_rows),
    same("getAcl -b {A} -s User:user_{s}", columns(0, 2, 3, 5), _acl_rows),
    changed("updateAcl -c {C} -s User:user_{s} -r Topic:orders -a Pub,Sub -d Allow"),
    changed("deleteAcl -b {B} -s User:user_{s}"),
    changed("copyAcl -f {A} -t {B} -s User:user_{s}"),
    changed("copyUser -f {A} -t {B} -u user_{s}"),
    changed("deleteAcl -c {C} -s User:user_{s}"),
    changed("deleteUser -c {C} -u user_{s}"),
)

ROWS: tuple[Row, ...] = READING + CHANGING + ACCESS + STATIC + LITE + EXPORTS + FAILING + FEATURES + CLIENTS
