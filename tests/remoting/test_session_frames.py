"""Every frame that Apache's parts exchanged: decoded, typed, and encoded again to the same meaning."""

import pytest
from remoting_golden import session_frames

from rocketmq_ops.common import fastjson
from rocketmq_ops.remoting import bodies
from rocketmq_ops.remoting.command import JSON, ROCKETMQ, RemotingCommand
from rocketmq_ops.remoting.frame_codec import FrameDecoder, add_typed_decoder, encode
from rocketmq_ops.remoting.header_fields import to_ext_fields
from rocketmq_ops.remoting.headers import header_of_request

HEADER_OF_REQUEST = header_of_request()

BODY_OF_REQUEST = {
    34: bodies.HeartbeatData,
    41: bodies.LockBatchRequestBody,
    42: bodies.UnlockBatchRequestBody,
    46: bodies.CheckClientRequestBody,
    103: bodies.RegisterBrokerBody,
    200: bodies.SubscriptionGroupConfig,
    401: bodies.SetMessageRequestModeRequestBody,
}
BODY_OF_RESPONSE = {
    21: bodies.TopicConfigAndMappingSerializeWrapper,
    28: bodies.KVTable,
    38: bodies.GetConsumerListByGroupResponseBody,
    41: bodies.LockBatchResponseBody,
    105: bodies.TopicRouteData,
    106: bodies.ClusterInfo,
    201: bodies.SubscriptionGroupWrapper,
    202: bodies.TopicStatsTable,
    203: bodies.ConsumerConnection,
    204: bodies.ProducerConnection,
    206: bodies.TopicList,
    208: bodies.ConsumeStats,
    222: bodies.ResetOffsetBody,
    224: bodies.TopicList,
    300: bodies.GroupList,
    303: bodies.QueryConsumeTimeSpanBody,
    305: bodies.TopicList,
    307: bodies.ConsumerRunningInfo,
    315: bodies.BrokerStatsData,
    317: bodies.ConsumeStatsList,
    321: bodies.QueryConsumeQueueResponseBody,
    328: bodies.ProducerTableInfo,
    343: bodies.TopicList,
    345: bodies.QuerySubscriptionResponseBody,
    351: bodies.TopicConfig,
    352: bodies.SubscriptionGroupConfig,
    907: bodies.HARuntimeInfo,
}


def meaning(command: RemotingCommand):
    return (
        command.code,
        command.flag,
        command.language,
        command.opaque,
        command.remark,
        command.version,
        command.ext_fields,
        bytes(command.body),
    )


def decode_one(frame: bytes, typed=None) -> RemotingCommand:
    (command,) = FrameDecoder(typed=typed).feed(frame)
    return command


def test_each_frame_encodes_to_the_same_meaning():
    for _, _, frame in session_frames():
        command = decode_one(frame)
        assert command.serialize_type == JSON
        again = decode_one(b"".join(encode(command)))
        assert meaning(again) == meaning(command)
        assert len(b"".join(encode(command))) == len(frame) or command.ext_fields == {}


def test_each_frame_has_the_same_meaning_in_binary():
    for _, _, frame in session_frames():
        command = decode_one(frame)
        command.serialize_type = ROCKETMQ
        again = decode_one(b"".join(encode(command)))
        assert again.serialize_type == ROCKETMQ
        expected = list(meaning(command))
        expected[4] = expected[4] or None
        expected[6] = {k: v for k, v in command.ext_fields.items() if v}
        assert list(meaning(again)) == expected


def test_each_request_decodes_to_its_typed_header():
    typed = {}
    for code in HEADER_OF_REQUEST:
        add_typed_decoder(typed, code, HEADER_OF_REQUEST[code])
    seen = set()
    for _, direction, frame in session_frames():
        plain, command = decode_one(frame), decode_one(frame, typed)
        if plain.is_response or command.code not in HEADER_OF_REQUEST:
            continue
        cls = HEADER_OF_REQUEST[command.code]
        if plain.ext_fields:
            assert type(command.header) is cls, (direction, command)
            assert command.header == plain.decode_header(cls)
        sent = {k: v for k, v in to_ext_fields(plain.decode_header(cls)).items() if k in command.ext_fields}
        assert sent.items() <= command.ext_fields.items()
        seen.add(command.code)
    assert len(seen) > 30


@pytest.mark.parametrize("side", ["request", "response"])
def test_each_body_reads_and_writes_as_apaches(side):
    asked: dict[tuple[int, int], int] = {}
    seen = set()
    for conn, _, frame in session_frames():
        command = decode_one(frame)
        if not command.is_response:
            asked[conn, command.opaque] = command.code
            cls = BODY_OF_REQUEST.get(command.code) if side == "request" else None
        else:
            code = asked.get((conn, command.opaque), -1)
            cls = BODY_OF_RESPONSE.get(code) if side == "response" and command.code == 0 else None
        if cls is None or not command.body:
            continue
        body = cls.decode(command.body)
        assert cls.decode(body.encode()) == body
        theirs, ours = fastjson.loads(command.body), fastjson.loads(body.encode())
        assert differences(theirs, ours) == []
        seen.add(cls)
    assert len(seen) >= (4 if side == "request" else 15)


def differences(theirs, ours, path="$"):
    """Where `ours` lacks or contradicts what Apache wrote; fields it alone has are allowed to hold defaults."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        ours = {str(key) if isinstance(key, int) else key: value for key, value in ours.items()}
        for key, value in theirs.items():
            key = str(key) if isinstance(key, int) else key
            if key not in ours:
                found.append(f"{path}.{key} missing")
            else:
                found += differences(value, ours[key], f"{path}.{key}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [d for i, (a, b) in enumerate(zip(theirs, ours, strict=True)) for d in differences(a, b, f"{path}[{i}]")]
    return [] if theirs == ours else [f"{path}: {theirs!r} != {ours!r}"]
