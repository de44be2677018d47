"""Which module holds which command, and its one-line summary. Importing this imports no command.

A name may be two words (`store check`); the first alone then lists its group.
"""

from __future__ import annotations


class Entry:
    """One command: its name as typed, its family (a folder of `mqadmin/commands`), summary and section of the help.

    `alias` is another name that Apache's mqadmin has for it.
    """

    __slots__ = ("alias", "family", "name", "section", "summary")

    def __init__(self, name: str, family: str, summary: str, section: str, *, alias: str = "") -> None:
        self.name = name
        self.family = family
        self.summary = summary
        self.section = section
        self.alias = alias

    @property
    def module(self) -> str:
        """The command's module below `mqadmin.commands`: its name in snake case in the folder of its family."""
        leaf = snake_case(self.name.replace(" ", "_"))
        return f"{self.family}.{leaf}" if self.family else leaf


def snake_case(name: str) -> str:
    """`queryMsgById` as `query_msg_by_id`; a run of capitals is one word (`cleanExpiredCQ`: `clean_expired_cq`)."""
    begins_word = (
        at > 0 and char.isupper() and (not name[at - 1].isupper() or name[at + 1 : at + 2].islower())
        for at, char in enumerate(name)
    )
    return "".join(f"_{char}" if begins else char for begins, char in zip(begins_word, name, strict=True)).lower()


_WATCH = "Checks and monitoring"
_HA, _ACCESS, _LITE = "Replication, controllers and containers", "Users and ACLs", "Lite topics"
_TOPIC, _GROUP, _OFFSET, _MESSAGE, _BROKER, _NAMESRV, _STORE, _HOST, _LOCAL = (
    "Topics",
    "Consumer groups and clients",
    "Offsets and queues",
    "Messages",
    "Clusters and brokers",
    "Name servers",
    "A store's files, offline",
    "A broker's host",
    "Local",
)

ENTRIES: tuple[Entry, ...] = (
    Entry("updateTopic", "topic", "Create a topic, or change only the given settings of it", _TOPIC),
    Entry("updateTopicList", "topic", "Create or change the topics of a file", _TOPIC),
    Entry("updateStaticTopic", "topic", "Create a static topic, or give it more logical queues", _TOPIC),
    Entry("remappingStaticTopic", "topic", "Move the logical queues of a static topic to other brokers", _TOPIC),
    Entry("updateOrderConf", "topic", "Set, show or delete the order configuration of a topic", _TOPIC),
    Entry("deleteTopic", "topic", "Delete a topic from one cluster's brokers and from the name servers", _TOPIC),
    Entry("updateTopicPerm", "topic", "Change the permission of a topic, nothing else", _TOPIC),
    Entry("topicRoute", "topic", "Show which brokers hold a topic, with queues and permission", _TOPIC),
    Entry("topicStatus", "topic", "Show the offsets of each queue of a topic", _TOPIC),
    Entry("topicClusterList", "topic", "List the clusters that hold a topic", _TOPIC),
    Entry("topicList", "topic", "List all topics, with -c their cluster and consumer groups", _TOPIC),
    Entry("statsAll", "stats", "Show the throughput and backlog of every topic and its groups", _TOPIC),
    Entry("allocateMQ", "topic", "Show how a topic's queues are shared out among clients", _TOPIC),
    Entry("updateSubGroup", "consumer", "Create a consumer group, or change only the given settings of it", _GROUP),
    Entry("updateSubGroupList", "consumer", "Create or change the consumer groups of a file", _GROUP),
    Entry("getConsumerConfig", "consumer", "Show the configuration of a consumer group on every broker", _GROUP),
    Entry("setConsumeMode", "consumer", "Have a group fetch a topic by pulling or by popping", _GROUP),
    Entry("deleteSubGroup", "consumer", "Delete a consumer group from a broker or a cluster", _GROUP),
    Entry("consumerProgress", "consumer", "Show how far groups have consumed, and their lag", _GROUP),
    Entry("startMonitoring", "consumer", "Look at every consumer group again and again", _GROUP),
    Entry(
        "consumerStatus", "consumer", "Show what the online consumers of a group are doing, and what is wrong", _GROUP
    ),
    Entry("consumerConnection", "connection", "Show the online clients and subscriptions of a group", _GROUP),
    Entry("producerConnection", "connection", "Show the online clients of a producer group", _GROUP),
    Entry("producer", "producer", "Show the producers of every group that a broker sees", _GROUP),
    Entry("resetOffsetByTime", "offset", "Set a group's offsets to a point in time, and read them back", _OFFSET),
    Entry("skipAccumulatedMessage", "offset", "Set a group's offsets to the end of the queues", _OFFSET),
    Entry("cloneGroupOffset", "offset", "Copy a group's offsets of a topic to another group", _OFFSET),
    Entry("queryCq", "queue", "Show consumequeue units of one queue", _OFFSET),
    Entry("queryMsgById", "message", "Show messages by id, or send or push them again", _MESSAGE),
    Entry("queryMsgByKey", "message", "Find messages of a topic by key", _MESSAGE),
    Entry("queryMsgByUniqueKey", "message", "Find a message by the unique key its client gave it", _MESSAGE),
    Entry("queryMsgByOffset", "message", "Show the message at an offset of a queue", _MESSAGE),
    Entry(
        "queryMsgTraceById",
        "message",
        "Show who sent a message, and each time that it was consumed",
        _MESSAGE,
        alias="QueryMsgTraceById",
    ),
    Entry("printMsgByQueue", "message", "Print the messages of one queue, or count them by tag", _MESSAGE),
    Entry("printMsg", "message", "Print the messages of a topic", _MESSAGE),
    Entry("sendMessage", "message", "Send one message", _MESSAGE),
    Entry("checkMsgSendRT", "message", "Send messages to a topic, and show how long each takes", _MESSAGE),
    Entry("consumeMessage", "message", "Read messages of a topic without moving any group's offsets", _MESSAGE),
    Entry("clusterList", "cluster", "List clusters and brokers with version, load and disk", _BROKER),
    Entry("brokerStatus", "broker", "Show the runtime figures of brokers", _BROKER),
    Entry("clusterRT", "cluster", "Measure how long each broker takes to store a message", _BROKER),
    Entry("brokerConsumeStats", "broker", "Show the progress of every group on one broker", _BROKER),
    Entry("sendMsgStatus", "broker", "Send messages to a broker's own topic, and show each answer", _BROKER),
    Entry("exportConfigs", "export", "Write the main settings of a cluster's masters to a file", _BROKER),
    Entry("exportMetadata", "export", "Write the topics and groups of a broker or a cluster to a file", _BROKER),
    Entry("exportMetrics", "export", "Write figures of a cluster's masters, to judge it by, to a file", _BROKER),
    Entry("cleanExpiredCQ", "broker", "Delete consumequeues whose messages are all gone", _BROKER),
    Entry("cleanUnusedTopic", "broker", "Delete the queues of topics that a broker no longer has", _BROKER),
    Entry("deleteExpiredCommitLog", "broker", "Delete expired commitlog files now", _BROKER),
    Entry("resetMasterFlushOffset", "broker", "Tell a slave up to where its master has flushed", _BROKER),
    Entry("switchTimerEngine", "broker", "Switch the engine of timer messages", _BROKER),
    Entry("getBrokerConfig", "broker", "Show the configuration of brokers", _BROKER),
    Entry("updateBrokerConfig", "broker", "Change one key of brokers' configuration", _BROKER),
    Entry(
        "rocksDBConfigToJson", "metadata", "Have brokers write their configuration in RocksDB to JSON files", _BROKER
    ),
    Entry("exportPopRecord", "export", "Have brokers move pop records from RocksDB back to their topics", _BROKER),
    Entry(
        "checkRocksdbCqWriteProgress",
        "queue",
        "Have brokers compare their consumequeues in RocksDB with those in files",
        _BROKER,
    ),
    Entry("getNamesrvConfig", "namesrv", "Show the configuration of the name servers", _NAMESRV),
    Entry("updateNamesrvConfig", "namesrv", "Change one key of the name servers' configuration", _NAMESRV),
    Entry(
        "wipeWritePerm", "namesrv", "Revoke write permission on the topics of a broker, on all name servers", _NAMESRV
    ),
    Entry("addWritePerm", "namesrv", "Grant write permission on the topics of a broker, on all name servers", _NAMESRV),
    Entry("updateKvConfig", "namesrv", "Set one key of the name servers' KV configuration", _NAMESRV),
    Entry("deleteKvConfig", "namesrv", "Delete one key of the name servers' KV configuration", _NAMESRV),
    Entry("exportMetadataInRocksDB", "export", "Show topics or groups that a broker keeps in RocksDB", _STORE),
    Entry("dumpCompactionLog", "message", "Print the messages of a file of a compacted topic's log", _STORE),
    Entry("haStatus", "ha", "Show how far slaves are behind their masters", _HA),
    Entry("promote", "ha", "Make a slave the master, step by step", _HA),
    Entry("getSyncStateSet", "ha", "Show the replicas of brokers, and which are in sync", _HA),
    Entry("getBrokerEpoch", "broker", "Show the masters' terms in the logs of brokers", _HA),
    Entry("getControllerMetaData", "controller", "Show the leader and the peers of the controllers", _HA),
    Entry("getControllerConfig", "controller", "Show the configuration of controllers", _HA),
    Entry("updateControllerConfig", "controller", "Change one key of the controllers' configuration", _HA),
    Entry("electMaster", "controller", "Make a replica the master of its broker name", _HA),
    Entry("cleanBrokerMetadata", "controller", "Make the controllers forget replicas of a broker", _HA),
    Entry("addBroker", "container", "Start a broker in a broker container", _HA),
    Entry("removeBroker", "container", "Stop a broker of a broker container", _HA),
    Entry("getColdDataFlowCtrInfo", "broker", "Show what groups read from disk, and their thresholds", _BROKER),
    Entry("updateColdDataFlowCtrGroupConfig", "broker", "Set how much a group may read from disk", _BROKER),
    Entry("removeColdDataFlowCtrGroupConfig", "broker", "Delete a group's threshold of cold reads", _BROKER),
    Entry("setCommitLogReadAheadMode", "broker", "Set how brokers read their commitlogs ahead", _BROKER),
    Entry("createUser", "auth", "Create a user on brokers", _ACCESS),
    Entry("updateUser", "auth", "Change the password, type or status of a user", _ACCESS),
    Entry("deleteUser", "auth", "Delete a user from brokers", _ACCESS),
    Entry("getUser", "auth", "Show a user", _ACCESS),
    Entry("listUser", "auth", "List the users of brokers", _ACCESS),
    Entry("copyUser", "auth", "Copy users from one broker to another", _ACCESS),
    Entry("createAcl", "auth", "Add entries to the ACL of a subject", _ACCESS),
    Entry("updateAcl", "auth", "Change entries of the ACL of a subject", _ACCESS),
    Entry("deleteAcl", "auth", "Delete the ACL of a subject, or one resource of it", _ACCESS),
    Entry("getAcl", "auth", "Show the ACL of a subject", _ACCESS),
    Entry("listAcl", "auth", "List the ACLs of brokers", _ACCESS),
    Entry("copyAcl", "auth", "Copy ACLs from one broker to another", _ACCESS),
    Entry("updateAclConfig", "acl", "Create or change an account by access key, on brokers before 5.3.3", _ACCESS),
    Entry(
        "deleteAclConfig",
        "acl",
        "Delete an account by access key, on brokers before 5.3.3",
        _ACCESS,
        alias="deleteAccessConfig",
    ),
    Entry("clusterAclConfigVersion", "acl", "Show the versions of ACL files, of brokers before 5.3.3", _ACCESS),
    Entry("updateGlobalWhiteAddr", "acl", "Set which addresses need no signature, on brokers before 5.3.3", _ACCESS),
    Entry(
        "getAclConfig",
        "acl",
        "Show accounts by access key, of brokers before 5.3.3",
        _ACCESS,
        alias="getAccessConfigSubCommand",
    ),
    Entry("getBrokerLiteInfo", "lite", "Show how many lite topics and subscriptions brokers have", _LITE),
    Entry("getParentTopicInfo", "lite", "Show a parent topic of lite topics on its brokers", _LITE),
    Entry("getLiteTopicInfo", "lite", "Show a lite topic and who subscribes to it", _LITE),
    Entry("getLiteClientInfo", "lite", "Show the lite topics that a client subscribes to", _LITE),
    Entry("getLiteGroupInfo", "lite", "Show how far a group is behind in lite topics", _LITE),
    Entry("triggerLiteDispatch", "lite", "Have brokers look again for messages of lite topics", _LITE),
    Entry("store ls", "store", "List a store's files, queues, times and the state of its small files", _STORE),
    Entry("store dump", "store", "Print messages or raw units of a store, filtered", _STORE),
    Entry("store show", "store", "Show one record with its bytes, unit, index entries and dispatch", _STORE),
    Entry("store check", "store", "Check a store, and report what is damaged and what to do", _STORE),
    Entry("store explain", "store", "Explain a kind of finding at length", _STORE),
    Entry("store predict", "store", "Predict what a broker's recovery will do on its next start", _STORE),
    Entry("store rebuild", "store", "Build consumequeue, index and checkpoint from the commitlog", _STORE),
    Entry("store salvage", "store", "Save what can be proven whole into a new store, with a proof", _STORE),
    Entry("store verify", "store", "Replay the proof of a salvage", _STORE),
    Entry("store diff", "store", "Compare two stores message by message", _STORE),
    Entry("store sql", "store", "Query messages, queues, units and index entries with SQL", _STORE),
    Entry("store stats", "store", "Show sizes, rates, topics, keys and time gaps of a store", _STORE),
    Entry("probe", "probe", "Send messages through every broker, and check what a good operator checks", _WATCH),
    Entry("probe silence", "probe", "Tell nobody of a problem for a time, list the silences, or end one", _WATCH),
    Entry("probe ack", "probe", "Acknowledge a problem, so that no reminders of it come", _WATCH),
    Entry("ping", "", "Check that name servers and brokers answer, and that a broker is registered", _WATCH),
    Entry("doctor", "doctor", "Find what is wrong with a cluster, with evidence and remedy", _WATCH),
    Entry("bundle", "doctor", "Put what the doctor asks a cluster into one file, without secrets", _WATCH),
    Entry("config lint", "doctor", "Check a property file, line by line, for a version of the servers", _WATCH),
    Entry("os check", "os", "Show which settings of a host suit a broker, and which do not", _HOST),
    Entry("os plan", "os", "Show which files would be written to have them suit", _HOST),
    Entry("os apply", "os", "Write drop-in files with the settings that a broker wants", _HOST),
    Entry("os undo", "os", "Bring back every byte that os apply has replaced", _HOST),
    Entry("os script", "os", "Print the same as a shell script, for a host without Python", _HOST),
    Entry("os measure", "os", "Measure the disk of a folder, and what SYNC_FLUSH would cost there", _HOST),
    Entry("group history", "group", "Show how the lag of a group went, from the prober's history", _WATCH),
    Entry("group restore", "group", "Put a group's offsets back where they were at a time", _WATCH),
    Entry("capacity", "", "Show how long disks, retention and backlogs last, from the prober's history", _WATCH),
    Entry("history", "", "List the changes made with this tool, show one, or verify their journal", _LOCAL),
    Entry("profile list", "profile", "List the profiles: named sets of name servers and credentials", _LOCAL),
    Entry("profile show", "profile", "Show a profile, or what a command would connect by here", _LOCAL),
    Entry("profile add", "profile", "Write a profile", _LOCAL),
    Entry("profile use", "profile", "Choose the profile that is used when none is named", _LOCAL),
    Entry("profile remove", "profile", "Delete a profile", _LOCAL),
    Entry("profile test", "profile", "Try whether every server of a profile answers", _LOCAL),
    Entry("errors", "", "Explain response codes, texts of errors and lines of logs", _LOCAL),
    Entry("undo", "", "Bring back what a change made with this tool has replaced", _LOCAL),
    Entry(
        "tui", "tui", "Watch a cluster live, and as it was before: the dashboard, in a terminal or a browser", _WATCH
    ),
    Entry("shell", "", "Run many commands in one process, from a terminal, a file or a pipe", _LOCAL),
    Entry("completion", "", "Print the script that makes bash, zsh or fish complete words", _LOCAL),
    Entry("dev", "", "Run a name server and a broker in one process, for development and CI", _LOCAL),
)

#: The commands that change something whatever their options are.
CHANGING = frozenset(
    {
        "updateTopic",
        "updateTopicList",
        "updateOrderConf",
        "updateStaticTopic",
        "remappingStaticTopic",
        "deleteTopic",
        "updateTopicPerm",
        "updateSubGroup",
        "updateSubGroupList",
        "setConsumeMode",
        "deleteSubGroup",
        "cloneGroupOffset",
        "resetOffsetByTime",
        "skipAccumulatedMessage",
        "group restore",
        "sendMessage",
        "checkMsgSendRT",
        "sendMsgStatus",
        "clusterRT",
        "cleanExpiredCQ",
        "cleanUnusedTopic",
        "deleteExpiredCommitLog",
        "resetMasterFlushOffset",
        "switchTimerEngine",
        "updateBrokerConfig",
        "exportPopRecord",
        "rocksDBConfigToJson",
        "updateNamesrvConfig",
        "wipeWritePerm",
        "addWritePerm",
        "updateKvConfig",
        "deleteKvConfig",
        "updateControllerConfig",
        "electMaster",
        "cleanBrokerMetadata",
        "addBroker",
        "removeBroker",
        "promote",
        "updateColdDataFlowCtrGroupConfig",
        "removeColdDataFlowCtrGroupConfig",
        "setCommitLogReadAheadMode",
        "createUser",
        "updateUser",
        "deleteUser",
        "copyUser",
        "createAcl",
        "updateAcl",
        "deleteAcl",
        "copyAcl",
        "updateAclConfig",
        "deleteAclConfig",
        "updateGlobalWhiteAddr",
        "triggerLiteDispatch",
        "undo",
        "store rebuild",
        "store salvage",
        "os apply",
        "os undo",
    }
)

BY_NAME: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}
BY_NAME.update((entry.alias, entry) for entry in ENTRIES if entry.alias)


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
