"""A client that signs its requests, by an account of 4.x or as a user of 5.x: both sign alike."""

from __future__ import annotations

from msgspec import structs

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.common.message import PROPERTY_MESSAGE_REPLY_TO_CLIENT as REPLY_TO
from rocketmq_ops.common.message_codec import decode_message, decode_message_id, encode_record
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner
from tests.broker.support import Session, pull_fields, send_fields

SECRET = "a-long-secret"
#: Bytes of a record before its body.
HEAD_SIZE = 88
PUSH_FAILED = "push reply message fail"
#: The one-letter names of a send's fields, and those of SEND_MESSAGE and SEND_REPLY_MESSAGE.
LONG_NAMES = {
    "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId",
    "f": "sysFlag", "g": "bornTimestamp", "h": "flag", "i": "properties", "j": "reconsumeTimes", "k": "unitMode",
    "m": "batch",
}  # fmt: skip


class SigningClient:
    """Requests of one name; None signs nothing."""

    def __init__(self, session: Session, name: str | None, secret: str = SECRET) -> None:
        self._session = session
        self._signer = None if name is None else AclSigner(name, secret)

    async def __call__(self, code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> RemotingCommand:
        request = RemotingCommand.request(code, ext_fields=fields or {}, body=body)
        if self._signer is not None:
            self._signer.sign(request)
        return await self._session.client.invoke(self._session.address, request, 5000)


def create_topic(broker: BrokerController, topic: str) -> None:
    """Create a topic of one queue, without a request."""
    broker.topics.create_in_send_message_back(topic, 1, PERM_READ | PERM_WRITE)


async def replies_need_rights(session: Session, client: SigningClient, closed: str, writable: str, retry: str) -> None:
    """Replies of a client that may write to one topic only: what is refused is not stored either.

    `retry`: the retry topic of a group that the client has no rights on. The topics have one queue.
    """
    own = "DefaultCluster_REPLY_TOPIC"
    asker = {REPLY_TO: "nobody is there"}
    refused = ("No default permission", "no permission to access")
    for topic, stored in ((closed, 0), (retry, 0), (writable, 1), (own, 1)):
        new = send_fields(topic, properties=asker)
        old = {long: new[short] for short, long in LONG_NAMES.items()}
        for code, fields in ((RequestCode.SEND_REPLY_MESSAGE_V2, new), (RequestCode.SEND_REPLY_MESSAGE, old)):
            before = session.broker.store.max_offset(topic, 0)
            answer = await client(code, fields, b"a reply")
            assert (answer.remark or "").startswith(PUSH_FAILED) == bool(stored), (topic, code, answer.remark)
            assert any(words in (answer.remark or "") for words in refused) != bool(stored), (topic, code)
            assert session.broker.store.max_offset(topic, 0) - before == stored, (topic, code)
    reading = await client(RequestCode.PULL_MESSAGE, pull_fields(own, "own", 0, 0))
    assert any(words in (reading.remark or "") for words in refused), "to reply is not to read"
    sending = await client(RequestCode.SEND_MESSAGE_V2, send_fields(own))
    assert any(words in (sending.remark or "") for words in refused), "nor to send anything else"


def offset_of(sent: RemotingCommand) -> int:
    """The commitlog offset of what was sent, out of the answer."""
    return decode_message_id(sent.ext_fields["msgId"])[2]


def forged(session: Session, at: int, there: int, properties: dict[str, str]) -> bytes:
    """The bytes of a record like that at an offset, as it would be at another one, with other properties: a body to
    send which looks like a record."""
    record = session.broker.store.message_at(at)
    assert record is not None
    message = decode_message(record)
    return encode_record(structs.replace(message, commit_log_offset=there, properties=message.properties | properties))
