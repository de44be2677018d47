"""Reads from slaves: what a client of the load writes down of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from rocketmq_ops.client import RPCHook
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.pull import PullMessageResponseHeader
from tests.chaos.events import FROM_SLAVE, Pen

#: A client's environment has the slaves here: JSON, store by the address that name servers have.
VARIABLE = "CHAOS_SLAVES"


def environment(slaves: Mapping[str, str]) -> dict[str, str]:
    """What a client gets: `slaves` are stores by address."""
    return {VARIABLE: json.dumps(slaves)}


class ReadsFromSlaves(RPCHook):
    """Writes down each pull that a slave answered with messages."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._slaves: dict[str, str] = json.loads(os.environ.get(VARIABLE, "{}"))

    def do_after_response(self, remote_addr: str, request: RemotingCommand, response: RemotingCommand) -> None:
        store = self._slaves.get(remote_addr)
        if store and request.code == RequestCode.PULL_MESSAGE and response.code == ResponseCode.SUCCESS:
            wanted = request.header
            following = response.decode_header(PullMessageResponseHeader).next_begin_offset
            # Nothing is filtered: all offsets between have a message each.
            count = following - wanted.queue_offset
            where = {"topic": wanted.topic, "queue": wanted.queue_id, "offset": wanted.queue_offset}
            self._pen.write(FROM_SLAVE, "", broker=store, count=count, **where)
