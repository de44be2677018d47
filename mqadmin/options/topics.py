"""Options about topics and groups."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import attributes, permission

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
