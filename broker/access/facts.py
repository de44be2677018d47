"""What the tables of rights ask of the broker besides the request.

Requests that name a message by its place in the commitlog are judged by the topic of what lies there. The tables are in
`broker/acl/plain_access_validator.py` and `broker/auth/authorization_contexts.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rocketmq_ops.broker.send.stored_copies import read_stored
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import PROPERTY_REAL_TOPIC, start_of, stored_value
from rocketmq_ops.common.message_codec import BadRecordError, decode_message_id, record_topic
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC, reply_topic
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import (
    ConsumeMessageDirectlyResultRequestHeader,
    ConsumerSendMsgBackRequestHeader,
    EndTransactionRequestHeader,
    ResumeCheckHalfMessageRequestHeader,
    ViewMessageRequestHeader,
)
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


#: Topics of the broker's own in which messages wait; a property of each says where it goes.
_WAITING: Final = frozenset({SCHEDULE_TOPIC, TIMER_TOPIC, TRANS_HALF_TOPIC, TRANS_CHECK_MAX_TIME_TOPIC})
_REAL_TOPIC: Final = start_of(PROPERTY_REAL_TOPIC)


class NoMessageThereError(Exception):
    """There are bytes at an offset of the commitlog, and no queue has a message there.

    A message's body may look like a message of any topic, and one that claims to be longer than it is would show what
    lies behind it. A message whose queue is deleted cannot be told from such.
    """


class Found(NamedTuple):
    """The topics of a stored message."""

    #: That which it lies in.
    topic: str
    #: That which it is for: of one that waits in a topic of the broker's own another one.
    own_topic: str


#: Replies, and the field that has the topic. Everybody may reply where clients reply to: they ask for no right there,
#: for Apache's brokers want none.
_REPLIES: Final[dict[int, str]] = {RequestCode.SEND_REPLY_MESSAGE: "topic", RequestCode.SEND_REPLY_MESSAGE_V2: "b"}


#: Requests about a message that was consumed.
_CONSUMED: Final = frozenset({RequestCode.CONSUMER_SEND_MSG_BACK, RequestCode.CONSUME_MESSAGE_DIRECTLY})


class Facts:
    """Those of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    @property
    def cluster(self) -> str:
        """The broker's cluster."""
        return self._controller.config.brokerClusterName

    @property
    def reply_topic(self) -> str:
        """Where clients send their replies to requests (MixAll.getReplyTopic)."""
        return reply_topic(self.cluster)

    def is_open_to_all(self, request: RemotingCommand) -> bool:
        """Whether it needs no right: a reply to where clients reply to."""
        field = _REPLIES.get(request.code)
        return field is not None and request.ext_fields.get(field) == self.reply_topic

    def topic_named(self, request: RemotingCommand) -> str | None:
        """The topic that the message counts with which a request names by its place in the commitlog; None where it
        names none, or there is nothing. One that was consumed counts with the topic in which that was, which may be the
        retry topic of a group; any other with that which it is for.

        Raises RemotingProtocolError for fields that cannot be read, and NoMessageThereError."""
        match request.code:
            case RequestCode.VIEW_MESSAGE_BY_ID:
                found = self._message_at(request.decode_header(ViewMessageRequestHeader).offset)
            case RequestCode.CONSUMER_SEND_MSG_BACK:
                found = self._message_at(request.decode_header(ConsumerSendMsgBackRequestHeader).offset)
            case RequestCode.END_TRANSACTION:
                found = self._message_at(request.decode_header(EndTransactionRequestHeader).commit_log_offset)
            case RequestCode.CONSUME_MESSAGE_DIRECTLY:
                found = self._message_of(request.decode_header(ConsumeMessageDirectlyResultRequestHeader).msg_id)
            case RequestCode.RESUME_CHECK_HALF_MESSAGE:
                found = self._message_of(request.decode_header(ResumeCheckHalfMessageRequestHeader).msg_id)
            case _:
                return None
        if found is None:
            return None
        return found.topic if request.code in _CONSUMED else found.own_topic

    def _message_at(self, offset: int) -> Found | None:
        """The topics of the message at an offset of the commitlog (bytes); None when there is nothing.

        Raises NoMessageThereError."""
        store = self._controller.store
        view = store.message_at(offset)
        if view is None:
            return None
        try:
            stored = read_stored(view, check_crc=False)
            topic = "" if stored is None else record_topic(view, stored.record)
        except BadRecordError:
            stored = None
        if stored is None or not store.is_queued(offset, stored.record, topic):
            raise NoMessageThereError(
                f"no queue has a message at the commitlog offset {offset}: an administrator alone may look there"
            )
        own = stored_value(stored.text, _REAL_TOPIC) if topic in _WAITING else None
        return Found(topic, own or topic)

    def _message_of(self, msg_id: str | None) -> Found | None:
        """The topics of the message that an id with an offset names; None when there is nothing.

        Raises NoMessageThereError."""
        try:
            offset = decode_message_id(msg_id or "")[2]
        except RocketMQError:
            return None
        return self._message_at(offset)
