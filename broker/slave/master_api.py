"""What a slave asks its master for. Mirrors the `getAll...` calls of BrokerOuterAPI.

Every call raises RemotingError when the master cannot be reached or does not answer, RefusedError when it answers with
an error, and CorruptDataError when the answer is unusable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rocketmq_ops.broker.offset.consumer_offset_manager import OffsetTable
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.remoting.bodies import ConsumerOffsetSerializeWrapper, KVTable, SubscriptionGroupConfig
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import (
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    QueryConsumerOffsetRequestHeader,
    QueryConsumerOffsetResponseHeader,
    UpdateConsumerOffsetRequestHeader,
    ViewMessageRequestHeader,
)
from rocketmq_ops.store.layout.timer import CHECKPOINT

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

TIMEOUT_MS = 3_000
#: The remark of a commit that was not taken because a reset waits for the consumer.
RESET_REMARK = "Offset has been previously reset"
#: A field of UPDATE_CONSUMER_OFFSET, of this broker alone: the commit moves the offset on or not at all. Apache's
#: brokers pass over it. And the remark of one that was not taken for it.
FORWARD_ONLY = "forwardOnly"
FURTHER_REMARK = "Offset is further already"


class RefusedError(RocketMQError):
    """The master answered with an error."""

    def __init__(self, answer: RemotingCommand) -> None:
        super().__init__(f"the master refuses: {answer.code} {answer.remark or ''}".rstrip())
        self.code = answer.code


class MasterApi:
    """The master at `address`."""

    def __init__(self, controller: BrokerController, address: str) -> None:
        self._controller = controller
        self.address = address

    async def document(self, code: RequestCode) -> dict[str, Any]:
        """A table of the master, as the JSON object that its configuration file holds."""
        answer = await self._ask(RemotingCommand.request(code))
        value = fastjson.loads(answer.body_bytes)
        if not isinstance(value, dict):
            raise CorruptDataError(f"{self.address} answers {code.name} with no JSON object")
        return value

    async def timer_checkpoint(self) -> bytes:
        """How far its timers are (TimerCheckpoint.encode)."""
        answer = await self._ask(RemotingCommand.request(RequestCode.GET_TIMER_CHECK_POINT))
        if len(answer.body_bytes) < CHECKPOINT.size:
            raise CorruptDataError(f"{self.address} answers with a timer checkpoint of {len(answer.body_bytes)} bytes")
        return answer.body_bytes

    async def consumer_offsets(self) -> tuple[OffsetTable, DataVersion]:
        """Every committed offset, and the version of the table."""
        answer = await self._ask(RemotingCommand.request(RequestCode.GET_ALL_CONSUMER_OFFSET))
        body = ConsumerOffsetSerializeWrapper.decode(answer.body_bytes)
        return body.offset_table, body.data_version

    async def offset(self, group: str, topic: str, queue_id: int) -> int:
        """The offset that is committed, or is to be after a reset; -1 where there is none."""
        header = QueryConsumerOffsetRequestHeader(
            consumer_group=group, topic=topic, queue_id=queue_id, set_zero_if_not_found=False
        )
        try:
            answer = await self._ask(RemotingCommand.of(header))
        except RefusedError as error:
            if error.code != ResponseCode.QUERY_NOT_FOUND:
                raise
            return -1
        return answer.decode_header(QueryConsumerOffsetResponseHeader).offset

    async def commit(self, group: str, topic: str, queue_id: int, offset: int, *, forward: bool = True) -> str:
        """Commit an offset as a consumer would, but with `forward` not back; empty, or why it was not taken:
        RESET_REMARK, FURTHER_REMARK. A master of Apache's takes it also where it is further.
        """
        header = UpdateConsumerOffsetRequestHeader(
            consumer_group=group, topic=topic, queue_id=queue_id, commit_offset=offset
        )
        answer = await self._ask(RemotingCommand.of(header, ext_fields={FORWARD_ONLY: "true"} if forward else {}))
        return answer.remark if answer.remark in (RESET_REMARK, FURTHER_REMARK) else ""

    async def make_group(self, config: SubscriptionGroupConfig) -> None:
        """Create a group, or give it this configuration."""
        code = RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP
        await self._ask(RemotingCommand.request(code, body=config.encode()))

    async def max_offset(self, topic: str, queue_id: int) -> int:
        """The offset that the next message of a queue gets."""
        answer = await self._ask(RemotingCommand.of(GetMaxOffsetRequestHeader(topic=topic, queue_id=queue_id)))
        return answer.decode_header(GetMaxOffsetResponseHeader).offset

    async def log_extent(self) -> tuple[int, int]:
        """First offset and end of its commitlog."""
        answer = await self._ask(RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO))
        table = KVTable.decode(answer.body_bytes).table
        try:
            first, end = int(table["commitLogMinOffset"]), int(table["commitLogMaxOffset"])
        except (KeyError, ValueError) as error:
            raise CorruptDataError(f"brokerStatus of {self.address} cannot be read: {error}") from None
        if self._controller.master.address == self.address:
            self._controller.master.log_end = end, self._controller.clock()
        return first, end

    async def record_at(self, offset: int) -> bytes | None:
        """Its record at a commitlog offset, None where it has none there.

        Apache's brokers do not look where the record begins: what does not is then other bytes than the slave's."""
        try:
            answer = await self._ask(RemotingCommand.of(ViewMessageRequestHeader(offset=offset)))
        except RefusedError as error:
            if error.code != ResponseCode.SYSTEM_ERROR:
                raise
            return None
        return answer.body_bytes

    async def _ask(self, request: RemotingCommand) -> RemotingCommand:
        answer = await self._controller.outer.ask_broker(self.address, request, TIMEOUT_MS)
        if answer.code != ResponseCode.SUCCESS:
            raise RefusedError(answer)
        return answer
