"""Options about lite topics."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt

ParentTopic = Annotated[str, Opt("-p", "--parentTopic", help="the topic of the type LITE")]
LiteTopic = Annotated[str, Opt("-l", "--liteTopic", help="the lite topic")]
DetailD = Annotated[bool, Opt("-d", "--showDetail", help="show topics and groups")]
DetailS = Annotated[bool, Opt("-s", "--showDetail", help="show the lite topics")]
LiteClientId = Annotated[str, Opt("-c", "--clientId", help="the client")]
