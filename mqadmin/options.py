"""The options that several commands have, each declared once: names, type, parser and what it means.

A command takes one as the annotation of a parameter, `topic: TopicName` or `topic: TopicName | None = None`; where it
means something narrower there, the text beside it says so: `topic: Annotated[TopicName | None, "only this topic"]`.
Names are Apache's; where Apache spells one meaning in several ways, each spelling is a type of its own here. What one
command alone has stands in that command's file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import (
    absolute,
    addresses,
    attributes,
    charset,
    condition,
    decoder,
    names,
    natural,
    one_of,
    path,
    permission,
    positive,
    tag_expression,
    timestamp,
)

# Topics and groups

TopicName = Annotated[str, Opt("-t", "--topic", help="topic name")]
TopicFilter = Annotated[str, Opt("-t", "--topicName", help="only this topic")]
ConsumerGroup = Annotated[str, Opt("-g", "--consumerGroup", help="consumer group name")]
GroupName = Annotated[str, Opt("-g", "--groupName", help="consumer group name")]
Group = Annotated[str, Opt("-g", "--group", help="consumer group name")]
Consumer = Annotated[str, Opt("-g", "--consumer", help="consumer group name")]
ProducerGroup = Annotated[str, Opt("-g", "--producerGroup", help="producer group name")]
Permission = Annotated[int, Opt("-p", "--perm", help="permission: 2 W, 4 R, 6 RW", parse=permission)]
TopicAttributes = Annotated[
    dict[str, str], Opt("-a", "--attributes", help="attribute changes", parse=attributes, metavar="+a=b,-c")
]
GroupAttributes = Annotated[
    dict[str, str], Opt("--attributes", help="attribute changes", parse=attributes, metavar="+a=b,-c")
]
ForceQueues = Annotated[bool, Opt("--force", help="even if messages would be left that nobody reads")]
Order = Annotated[bool | None, Opt("-o", "--order", help="whether messages are ordered")]
Force = Annotated[bool | None, Opt("-f", "--force", help="false keeps the offsets that are before that point already")]

# Clusters, brokers and name servers

BrokerAddress = Annotated[str, Opt("-b", "--brokerAddr", help="this broker, HOST:PORT")]
Broker = Annotated[str, Opt("-b", "--broker", help="this broker, HOST:PORT")]
ClusterName = Annotated[str, Opt("-c", "--clusterName", help="all masters of this cluster")]
BrokerName = Annotated[str, Opt("-b", "--brokerName", help="broker name")]
BrokerNameA = Annotated[str, Opt("-a", "--brokerName", help="broker name")]
Cluster = Annotated[str, Opt("-c", "--cluster", help="all masters of this cluster")]
LmqCluster = Annotated[Cluster, "cluster, or parent topic of an lmq, whose brokers to ask"]
BrokerNameBn = Annotated[str, Opt("-bn", "--brokerName", help="broker name")]
ControllerAddress = Annotated[
    tuple[str, ...],
    Opt("-a", "--controllerAddress", help="controllers, HOST:PORT, separated by ';'", parse=addresses, metavar="ADDRS"),
]
ContainerAddress = Annotated[str, Opt("-c", "--brokerContainerAddr", help="the broker container, HOST:PORT")]
Interval = Annotated[
    int, Opt("-i", "--interval", help="show it again every so many seconds", parse=positive, metavar="SECONDS")
]
Key = Annotated[str, Opt("-k", "--key", help="configuration key")]
Value = Annotated[str, Opt("-v", "--value", help="new value of the key")]
Namespace = Annotated[str, Opt("-s", "--namespace", help="namespace of the key")]

JsonEnable = Annotated[bool | None, Opt("-j", "--jsonEnable", help="whether to print JSON, or a line for each entry")]
Clusters = Annotated[
    list[str], Opt("-c", "--clusters", help="all masters of these clusters", parse=names, metavar="A,B")
]
Brokers = Annotated[list[str], Opt("-b", "--brokers", help="these brokers, by name", parse=names, metavar="A,B")]
MapFile = Annotated[
    str, Opt("-mf", "--mapFile", help="apply the mapping that was saved there", parse=path, metavar="FILE")
]
ForceReplace = Annotated[
    bool | None, Opt("-fr", "--forceReplace", help="whether brokers take the mapping even if theirs is newer")
]
ExportFolder = Annotated[
    str,
    Opt("-f", "--filePath", help="folder to write to (default /tmp/rocketmq/export)", parse=path, metavar="FOLDER"),
]
ListFile = Annotated[str, Opt("-f", "--filename", help="JSON file", parse=path, metavar="FILE")]

# Files of this machine

ConfigFile = Annotated[str, Opt("--config", help="property file of a broker", parse=path, metavar="FILE")]
GivenFile = Annotated[str, Opt("FILE", help="the file to read", parse=path)]

AlarmPattern = Annotated[str, Opt("PATTERN", help="an id (probe.late), a target (broker-a), or both; * for any")]
Why = Annotated[str, Opt("--why", help="what others should know")]
BundleFile = Annotated[str, Opt("--from", help="examine this bundle, and no cluster", parse=path, metavar="BUNDLE")]
OnHost = Annotated[bool, Opt("--host", help="this machine is a broker's: look at its settings too")]

# Profiles

ProfileName = Annotated[str, Opt("NAME", help="name of the profile")]

# Users and ACLs

UserName = Annotated[str, Opt("-u", "--username", help="the user's name")]
UserType = Annotated[str, Opt("-t", "--userType", help="Super or Normal", parse=one_of("Super", "Normal"))]
Subject = Annotated[str, Opt("-s", "--subject", help="the subject, such as User:alice")]
FromBroker = Annotated[str, Opt("-f", "--fromBroker", help="the broker to copy from, HOST:PORT")]
ToBroker = Annotated[str, Opt("-t", "--toBroker", help="the broker to copy to, HOST:PORT")]

AccessKey = Annotated[str, Opt("-a", "--accessKey", help="the account's access key")]

# Lite topics

ParentTopic = Annotated[str, Opt("-p", "--parentTopic", help="the topic of the type LITE")]
LiteTopic = Annotated[str, Opt("-l", "--liteTopic", help="the lite topic")]
DetailD = Annotated[bool, Opt("-d", "--showDetail", help="show topics and groups")]
DetailS = Annotated[bool, Opt("-s", "--showDetail", help="show the lite topics")]
LiteClientId = Annotated[str, Opt("-c", "--clientId", help="the client")]

# Queues and messages

Queue = Annotated[int, Opt("-q", "--queue", help="queue id", parse=natural)]
QueueId = Annotated[int, Opt("-i", "--queueId", help="queue id", parse=natural)]
QueueOffset = Annotated[int, Opt("-o", "--offset", help="queue offset", parse=natural)]
MessageId = Annotated[str, Opt("-i", "--msgId", help="message ids, separated by ','")]
ClientId = Annotated[str, Opt("-d", "--clientId", help="id of the consumer to push the message to (with -g)")]
BodyFormat = Annotated[str, Opt("-f", "--bodyFormat", help="character set of the body (default UTF-8)", parse=charset)]
BeginTimestamp = Annotated[
    int,
    Opt("-b", "--beginTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
]
ScanFrom = Annotated[
    int,
    Opt("-s", "--beginTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME"),
]
EndTimestamp = Annotated[
    int, Opt("-e", "--endTimestamp", help="ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME")
]
Count = Annotated[int, Opt("-c", "--count", help="how many", parse=positive)]
Amount = Annotated[int, Opt("-a", "--amount", help="number of messages (default 100)", parse=positive)]
BodySize = Annotated[int, Opt("-s", "--size", help="bytes of each body (default 128)", parse=positive)]
CharsetName = Annotated[
    str, Opt("-c", "--charsetName", help="character set of the bodies (default UTF-8)", parse=charset)
]
SubExpression = Annotated[
    str, Opt("-s", "--subExpression", help="tags, for example 'TagA || TagB' (default *)", parse=tag_expression)
]
PrintBody = Annotated[bool | None, Opt("-d", "--printBody", help="whether to print bodies")]
BodyForm = Annotated[
    str,
    Opt(
        "--body",
        help="show bodies as text, json (on one line), hex or base64 (default text)",
        parse=one_of("text", "json", "hex", "base64"),
        metavar="FORM",
    ),
]
Decode = Annotated[
    Callable[[bytes], Any],
    Opt(
        "--decode",
        help="show what this function makes of each body: MODULE:FUNCTION, or an entry point",
        parse=decoder,
        metavar="NAME",
    ),
]
Where = Annotated[
    Callable[[Any], bool],
    Opt("--where", help="only messages that meet this condition", parse=condition, metavar="CONDITION"),
]
#: Messages that a command reads at most where no other limit is given.
DEFAULT_LIMIT = 10_000
Top = Annotated[int, Opt("--top", help="how many", parse=positive)]
Limit = Annotated[int, Opt("--limit", help="stop after this many", parse=positive)]

HistoryFile = Annotated[
    str, Opt("--history", help="file of the history (default: one for each cluster)", parse=path, metavar="FILE")
]

#: A change in the journal; `mqadmin history` lists them.
ChangeId = Annotated[int, Opt("CHANGE", help="id of the change", parse=positive)]

# A store's files. What is a key of the broker's configuration has the key's own spelling.

StoreDir = Annotated[str, Opt("STORE_DIR", help="the broker's storePathRootDir")]
HostRoot = Annotated[
    str,
    Opt(
        "--root",
        help="a folder with a copy of a host's etc, proc and sys, instead of this machine",
        parse=path,
        metavar="DIR",
    ),
]
BrokerStore = Annotated[
    str,
    Opt("--store", help="the broker's storePathRootDir: only its mount is looked at", parse=absolute, metavar="DIR"),
]
ForceHost = Annotated[bool, Opt("--force", help="though somebody has changed the files since")]
TargetDir = Annotated[str, Opt("TARGET_DIR", help="a new directory")]
CommitLogDir = Annotated[
    str, Opt("--commitlog", help="the broker's storePathCommitLog, where it is not STORE_DIR/commitlog")
]
IndexSlots = Annotated[int, Opt("--maxHashSlotNum", help="default: a quarter of maxIndexNum", parse=positive)]
IndexEntries = Annotated[
    int, Opt("--maxIndexNum", help="default: read from the store's index, where it has one", parse=positive)
]
LogFileSize = Annotated[
    int, Opt("--mappedFileSizeCommitLog", help="bytes; default: the length of most files", parse=positive)
]
ReservedHours = Annotated[int, Opt("--fileReservedTime", help="hours that files are kept (default 72)", parse=natural)]
QueueFileSize = Annotated[
    int, Opt("--mappedFileSizeConsumeQueue", help="bytes; default: the length of most files", parse=positive)
]
StoredFrom = Annotated[
    int, Opt("-b", "--begin", help="stored from: ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME")
]
StoredUntil = Annotated[
    int, Opt("-e", "--end", help="stored until: ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=timestamp, metavar="TIME")
]
StoredId = Annotated[str, Opt("-i", "--id", help="offset message id, or unique key")]
WithoutCrc = Annotated[bool, Opt("--no-crc", help="leave out the CRCs of bodies")]
