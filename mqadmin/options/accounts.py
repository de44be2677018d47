"""Options about users, accounts and ACLs."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import one_of

UserName = Annotated[str, Opt("-u", "--username", help="the user's name")]
UserType = Annotated[str, Opt("-t", "--userType", help="Super or Normal", parse=one_of("Super", "Normal"))]
Subject = Annotated[str, Opt("-s", "--subject", help="the subject, such as User:alice")]
FromBroker = Annotated[str, Opt("-f", "--fromBroker", help="the broker to copy from, HOST:PORT")]
ToBroker = Annotated[str, Opt("-t", "--toBroker", help="the broker to copy to, HOST:PORT")]
AccessKey = Annotated[str, Opt("-a", "--accessKey", help="the account's access key")]
