"""Answers that come later: a handler hands over a coroutine, and its result is sent when it is there.

Only for administration, where a request waits for a disk, for name servers or for a client. The hot path parks its
answers in tables of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import HELD, Held, RemotingCommand

log = logging.getLogger(__name__)


def answer_later(channel: Channel, request: RemotingCommand, answer: Coroutine[Any, Any, RemotingCommand]) -> Held:
    """Run `answer` as a task and send what it returns; a failure becomes SYSTEM_ERROR. Returns HELD for the handler.

    What the request brings counts in what its connection holds until then.
    """
    size = request.source_bytes + len(request.body)
    channel.keep(size)
    run_later(_send(channel, request, answer, size), f"answer-{request.code}")
    return HELD


async def _send(
    channel: Channel, request: RemotingCommand, answer: Coroutine[Any, Any, RemotingCommand], size: int
) -> None:
    try:
        response = await answer
    except RocketMQError as error:
        remark = f"{error}; {error.next_step}" if error.next_step else str(error)
        response = request.reply(ResponseCode.SYSTEM_ERROR, remark)
    except Exception as error:
        log.exception("request %d from %s failed", request.code, channel.remote)
        response = request.reply(ResponseCode.SYSTEM_ERROR, f"{type(error).__name__}: {error}")
    finally:
        channel.keep(-size)
    if not request.is_oneway and not channel.closed:
        channel.send(response)
