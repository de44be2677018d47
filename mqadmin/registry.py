"""Which module holds which command, and its one-line summary. Importing this imports no command.

A name may be two words (`store check`); the first alone then lists its group.
"""

from __future__ import annotations


class Entry:
    """One command: its name as typed, the module under `mqadmin.commands`, its summary and its section of the help."""

    __slots__ = ("module", "name", "section", "summary")

    def __init__(self, name: str, module: str, summary: str, section: str) -> None:
        self.name = name
        self.module = module
        self.summary = summary
        self.section = section


_TOPIC, _GROUP, _OFFSET, _MESSAGE, _BROKER, _NAMESRV, _STORE, _LOCAL = (
    "Topics",
    "Consumer groups and clients",
    "Offsets and queues",
    "Messages",
    "Clusters and brokers",
    "Name servers",
    "A store's files, offline",
    "Local",
)

ENTRIES: tuple[Entry, ...] = (
    Entry("updateTopic", "update_topic", "Create a topic, or change only the given settings of it", _TOPIC),
    Entry("deleteTopic", "delete_topic", "Delete a topic from one cluster's brokers and from the name servers", _TOPIC),
    Entry("updateTopicPerm", "update_topic_perm", "Change the permission of a topic, nothing else", _TOPIC),
    Entry("topicRoute", "topic_route", "Show which brokers hold a topic, with queues and permission", _TOPIC),
    Entry("topicStatus", "topic_status", "Show the offsets of each queue of a topic", _TOPIC),
    Entry("topicClusterList", "topic_cluster_list", "List the clusters that hold a topic", _TOPIC),
    Entry("topicList", "topic_list", "List all topics, with -c their cluster and consumer groups", _TOPIC),
    Entry(
        "updateSubGroup", "update_sub_group", "Create a consumer group, or change only the given settings of it", _GROUP
    ),
    Entry("deleteSubGroup", "delete_sub_group", "Delete a consumer group from a broker or a cluster", _GROUP),
    Entry("consumerProgress", "consumer_progress", "Show how far groups have consumed, and their lag", _GROUP),
    Entry("consumerConnection", "consumer_connection", "Show the online clients and subscriptions of a group", _GROUP),
    Entry("producerConnection", "producer_connection", "Show the online clients of a producer group", _GROUP),
    Entry(
        "resetOffsetByTime",
        "reset_offset_by_time",
        "Set a group's offsets to a point in time, and read them back",
        _OFFSET,
    ),
    Entry(
        "skipAccumulatedMessage", "skip_accumulated_message", "Set a group's offsets to the end of the queues", _OFFSET
    ),
    Entry("queryCq", "query_cq", "Show consumequeue units of one queue", _OFFSET),
    Entry("queryMsgById", "query_msg_by_id", "Show messages by id, or send or push them again", _MESSAGE),
    Entry("queryMsgByKey", "query_msg_by_key", "Find messages of a topic by key", _MESSAGE),
    Entry(
        "queryMsgByUniqueKey",
        "query_msg_by_unique_key",
        "Find a message by the unique key its client gave it",
        _MESSAGE,
    ),
    Entry("queryMsgByOffset", "query_msg_by_offset", "Show the message at an offset of a queue", _MESSAGE),
    Entry("printMsg", "print_msg", "Print the messages of a topic", _MESSAGE),
    Entry("sendMessage", "send_message", "Send one message", _MESSAGE),
    Entry("consumeMessage", "consume_message", "Read messages of a topic without moving any group's offsets", _MESSAGE),
    Entry("clusterList", "cluster_list", "List clusters and brokers with version, load and disk", _BROKER),
    Entry("brokerStatus", "broker_status", "Show the runtime figures of brokers", _BROKER),
    Entry("getBrokerConfig", "get_broker_config", "Show the configuration of brokers", _BROKER),
    Entry("updateBrokerConfig", "update_broker_config", "Change one key of brokers' configuration", _BROKER),
    Entry("getNamesrvConfig", "get_namesrv_config", "Show the configuration of the name servers", _NAMESRV),
    Entry(
        "updateNamesrvConfig", "update_namesrv_config", "Change one key of the name servers' configuration", _NAMESRV
    ),
    Entry(
        "wipeWritePerm",
        "wipe_write_perm",
        "Revoke write permission on the topics of a broker, on all name servers",
        _NAMESRV,
    ),
    Entry(
        "addWritePerm",
        "add_write_perm",
        "Grant write permission on the topics of a broker, on all name servers",
        _NAMESRV,
    ),
    Entry("updateKvConfig", "update_kv_config", "Set one key of the name servers' KV configuration", _NAMESRV),
    Entry("deleteKvConfig", "delete_kv_config", "Delete one key of the name servers' KV configuration", _NAMESRV),
    Entry("store ls", "store_ls", "List a store's files, queues, times and the state of its small files", _STORE),
    Entry("store dump", "store_dump", "Print messages or raw units of a store, filtered", _STORE),
    Entry("store show", "store_show", "Show one record with its bytes, unit, index entries and dispatch", _STORE),
    Entry("store check", "store_check", "Check a store, and report what is damaged and what to do", _STORE),
    Entry("store explain", "store_explain", "Explain a kind of finding at length", _STORE),
    Entry("store predict", "store_predict", "Predict what a broker's recovery will do on its next start", _STORE),
    Entry("store rebuild", "store_rebuild", "Build consumequeue, index and checkpoint from the commitlog", _STORE),
    Entry("store salvage", "store_salvage", "Save what can be proven whole into a new store, with a proof", _STORE),
    Entry("store verify", "store_verify", "Replay the proof of a salvage", _STORE),
    Entry("store diff", "store_diff", "Compare two stores message by message", _STORE),
    Entry("store sql", "store_sql", "Query messages, queues, units and index entries with SQL", _STORE),
    Entry("store stats", "store_stats", "Show sizes, rates, topics, keys and time gaps of a store", _STORE),
    Entry("dev", "dev", "Run a name server and a broker in one process, for development and CI", _LOCAL),
)

CHANGING = frozenset(
    {
        "updateTopic",
        "deleteTopic",
        "updateTopicPerm",
        "updateSubGroup",
        "deleteSubGroup",
        "resetOffsetByTime",
        "skipAccumulatedMessage",
        "sendMessage",
        "updateBrokerConfig",
        "updateNamesrvConfig",
        "wipeWritePerm",
        "addWritePerm",
        "updateKvConfig",
        "deleteKvConfig",
        "store rebuild",
        "store salvage",
    }
)
"""The commands that change something whatever their options are."""

BY_NAME: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}


def find(argv: list[str]) -> tuple[Entry, list[str]] | None:
    """The command that `argv` begins with and its remaining arguments, or None."""
    for words in (2, 1):
        entry = BY_NAME.get(" ".join(argv[:words])) if len(argv) >= words else None
        if entry is not None:
            return entry, argv[words:]
    return None


def group_members(word: str) -> list[Entry]:
    """The commands whose first of two words is `word`."""
    return [entry for entry in ENTRIES if entry.name.startswith(word + " ")]


def nearest(word: str) -> str | None:
    """The command name most like `word`, or None."""
    from rocketmq_ops.common.nearest import nearest_name  # only for a message

    return nearest_name(word, BY_NAME, cutoff=0.55)
