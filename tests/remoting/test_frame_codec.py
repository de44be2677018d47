"""The frame codec: every case whole, byte by byte, split at each position, and with a following frame."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rocketmq_ops.remoting import headers
from rocketmq_ops.remoting.command import JSON, ROCKETMQ, RemotingCommand
from rocketmq_ops.remoting.errors import FrameError
from rocketmq_ops.remoting.frame_codec import (
    COPY_BELOW_BYTES,
    MAX_HEADER_DEPTH,
    FrameDecoder,
    add_typed_decoder,
    encode,
)

HEADER_OF_REQUEST = headers.header_of_request()
SEND_V2 = {
    "a": "group",
    "b": "topic",
    "c": "TBW102",
    "d": "4",
    "e": "3",
    "f": "0",
    "g": "1795246594074",
    "h": "0",
    "i": "KEYS\x01k\x02TAGS\x01订单\x02",
    "k": "false",
}
FOLLOWER = b"".join(encode(RemotingCommand.request(7, body=b"follower")))


def typed_decoders():
    typed = {}
    for code in HEADER_OF_REQUEST:
        add_typed_decoder(typed, code, HEADER_OF_REQUEST[code])
    return typed


TYPED = typed_decoders()


def frame(header: bytes, body: bytes = b"", kind: int = 0, length: int | None = None, header_length=None) -> bytes:
    length = 4 + len(header) + len(body) if length is None else length
    header_length = len(header) if header_length is None else header_length
    return struct.pack(">II", length & 0xFFFFFFFF, kind << 24 | header_length) + header + body


def nested(start: bytes, levels: int) -> bytes:
    """A frame whose header is `start`, which opens an object in it, `levels` objects inside one another in all."""
    deeper = levels - start.count(b"{")
    return frame(start + b'{"a":' * deeper + b"1" + b"}" * levels)


def outcome(chunks, max_frame=1 << 20):
    """What a decoder makes of the chunks: commands, and whether it refused in the end."""
    decoder = FrameDecoder(max_frame, TYPED)
    got = []
    held = 0
    try:
        for chunk in chunks:
            for c in decoder.feed(chunk):
                got.append((c.code, c.flag, c.opaque, c.remark, c.version, c.ext_fields, bytes(c.body), c.header))
            held = max(held, decoder.buffered_bytes)
    except FrameError as error:
        assert error.next_step
        return got, True, held
    return got, False, held


def check_every_split(data: bytes) -> tuple[list, bool]:
    """The same outcome however the bytes arrive; what is held is bounded by what has arrived."""
    got, refused, _ = whole = outcome([data])
    one_by_one = outcome([data[i : i + 1] for i in range(len(data))])
    assert one_by_one[:2] == (got, refused)
    assert one_by_one[2] <= len(data)
    positions = range(1, len(data)) if len(data) <= 600 else range(1, len(data), len(data) // 300)
    for i in positions:
        assert outcome([data[:i], data[i:]])[:2] == (got, refused), i
    if not refused:
        followed, _, _ = outcome([data + FOLLOWER])
        assert followed[: len(got)] == got
    return whole[:2]


def command_frame(**fields) -> bytes:
    return b"".join(encode(RemotingCommand(**fields)))


GOOD = {
    "json request": command_frame(code=105, opaque=1, ext_source={"topic": "T"}),
    "json send with body": command_frame(code=310, opaque=2, ext_source=SEND_V2, body=b"x" * 300),
    "json answer with remark": command_frame(code=17, flag=1, opaque=3, remark='no "route"\n\x01 for 订单'),
    "binary request": command_frame(code=310, opaque=4, ext_source=SEND_V2, body=b"y", serialize_type=ROCKETMQ),
    "binary without fields": command_frame(code=0, flag=1, opaque=5, serialize_type=ROCKETMQ),
    "body of parts": command_frame(code=0, flag=1, body=[b"ab", memoryview(b"cd"), b"e" * 3000]),
    "numbers as fields": frame(b'{"code":105,"extFields":{"topic":7,"x":true,"y":null},"flag":0,"opaque":9}'),
    "code not first": frame(b'{"opaque":9,"code":310,"flag":0}'),
    "two codes": frame(b'{"code":310,"extFields":{"topic":"T"},"code":105}'),
    "bad typed field": frame(b'{"code":31,"extFields":{"topic":"T","queueId":"x"}}'),
    "nested": nested(b'{"code":105,"extFields":{"topic":', MAX_HEADER_DEPTH),
    "nested, typed": nested(b'{"code":105,"extFields":{"topic":"T","unknown":', MAX_HEADER_DEPTH),
    "empty answer": frame(b'{"code":0,"flag":1,"opaque":1}'),
}

BAD = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "negative length": frame(b"{}", length=-1),
    "over the limit": frame(b"{}", length=(1 << 20) - 3),
    "too short": frame(b"", length=4),
    "header beyond frame": frame(b'{"code":1}', header_length=11),
    "header far beyond frame": frame(b'{"code":1}', header_length=0xFFFFFF),
    "broken json": frame(b'{"code":1,'),
    "not an object": frame(b"[1,2]"),
    "no code": frame(b'{"flag":1}'),
    "code too big": frame(b'{"code":2147483648}'),
    "opaque of text": frame(b'{"code":1,"opaque":"x"}'),
    "a list": frame(b'[{"code":1}]'),
    "fields no object": frame(b'{"code":1,"extFields":[1]}'),
    "not utf-8": frame(b'{"code":1,"remark":"\xff\xfe"}'),
    "nested deep": nested(b'{"code":1,"extFields":{"a":', MAX_HEADER_DEPTH + 1),
    "nested deep, typed": nested(b'{"code":310,"extFields":{"a":"g","unknown":', MAX_HEADER_DEPTH + 1),
    "nested deep where nobody reads": nested(b'{"code":1,"unknown":{"a":', MAX_HEADER_DEPTH + 1),
    "nested very deep": nested(b'{"code":310,"extFields":{"a":', 5000),
    "unknown serialisation": frame(b'{"code":1}', kind=2),
    "binary too short": frame(b"\0\1\0", kind=1),
    "binary remark beyond": frame(struct.pack(">hbhiii", 1, 0, 1, 1, 0, 1 << 30), kind=1),
    "binary negative remark": frame(struct.pack(">hbhiiii", 1, 0, 1, 1, 0, -1, 0), kind=1),
    "binary fields beyond": frame(struct.pack(">hbhiiii", 1, 0, 1, 1, 0, 0, 99), kind=1),
    "binary negative key": frame(struct.pack(">hbhiiiih", 1, 0, 1, 1, 0, 0, 2, -1), kind=1),
    "binary field beyond fields": frame(struct.pack(">hbhiiiihci", 1, 0, 1, 1, 0, 0, 7, 1, b"k", 9) + b"v" * 9, kind=1),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_frames(name):
    got, refused = check_every_split(GOOD[name])
    assert len(got) == 1 and not refused


@pytest.mark.parametrize("name", BAD)
def test_bad_frames_are_refused(name):
    got, refused = check_every_split(BAD[name])
    assert got == [] and refused


@pytest.mark.parametrize("name", BAD)
def test_a_good_frame_before_a_bad_one_is_still_served(name):
    got, refused, _ = outcome([FOLLOWER + BAD[name]])
    assert len(got) == 1 and refused


@pytest.mark.parametrize("name", [*GOOD, *BAD])
@pytest.mark.parametrize("body", [b"", b"z" * COPY_BELOW_BYTES], ids=["small", "big"])
def test_a_frame_that_is_read_alone_is_what_it_is_among_others(name, body):
    data = {**GOOD, **BAD}[name]
    if body:
        length, word = struct.unpack_from(">II", data.ljust(8))
        data = struct.pack(">II", (length + len(body)) & 0xFFFFFFFF, word) + data[8:] + body
    decoder = FrameDecoder(1 << 20, TYPED)
    parts = decoder.sole_frame(data)
    command = None if parts is None else decoder.typed_command(*parts)
    assert (command is not None) == (name in ("json request", "json send with body", "json answer with remark"))
    if command is not None:
        (among,) = FrameDecoder(1 << 20, TYPED).feed(data)
        assert command == among and command.ext_source == among.ext_source and bytes(command.body) == bytes(among.body)
        assert isinstance(command.body, memoryview) == bool(body)


def test_many_frames_in_one_read():
    data = b"".join(GOOD.values()) * 20
    got, refused = check_every_split(data)
    assert len(got) == len(GOOD) * 20 and not refused


def test_the_code_picks_the_typed_header():
    got, _, _ = outcome([GOOD["json send with body"] + GOOD["two codes"] + GOOD["bad typed field"]])
    assert type(got[0][-1]) is headers.SendMessageRequestHeaderV2
    assert got[0][-1].properties == SEND_V2["i"]
    assert got[1][0] == 105 and got[1][-1] is None
    assert got[2][-1] is None and got[2][5]["queueId"] == "x"


def test_big_bodies_are_views_of_the_read():
    data = command_frame(code=310, opaque=2, ext_source=SEND_V2, body=b"x" * 3000)
    (command,) = FrameDecoder(typed=TYPED).feed(data)
    assert isinstance(command.body, memoryview) and command.body.obj is data
    (command,) = FrameDecoder(typed=TYPED).feed(GOOD["json send with body"])
    assert command.body == b"x" * 300


def test_an_announced_length_takes_no_memory():
    decoder = FrameDecoder()
    assert list(decoder.feed(struct.pack(">I", 16 * 1024 * 1024 - 4))) == []
    assert decoder.buffered_bytes == 4


def test_the_answer_has_the_serialisation_of_its_request():
    for kind in (JSON, ROCKETMQ):
        (request,) = FrameDecoder().feed(command_frame(code=105, opaque=77, serialize_type=kind))
        (answer,) = FrameDecoder().feed(b"".join(encode(request.reply(17, "none"))))
        assert (answer.serialize_type, answer.opaque, answer.code, answer.remark) == (kind, 77, 17, "none")


texts = st.text(st.characters(codec="utf-8"), max_size=20)
commands = st.fixed_dictionaries(
    {
        "code": st.integers(-(1 << 15), (1 << 15) - 1),
        "flag": st.integers(-(1 << 31), (1 << 31) - 1),
        "opaque": st.integers(-(1 << 31), (1 << 31) - 1),
        "version": st.integers(-(1 << 15), (1 << 15) - 1),
        "language": st.sampled_from(["JAVA", "PYTHON", "GO"]),
        "remark": st.none() | texts.filter(bool),
        "ext_source": st.dictionaries(texts.filter(bool), texts.filter(bool), max_size=4),
        "body": st.binary(max_size=40),
        "serialize_type": st.sampled_from([JSON, ROCKETMQ]),
    }
)


@settings(max_examples=150, deadline=None)
@given(commands)
def test_whatever_is_encoded_decodes_to_the_same(fields):
    data = command_frame(**fields)
    (command,) = FrameDecoder(typed=TYPED).feed(data)
    for name, value in fields.items():
        if name not in ("ext_source", "body"):
            assert getattr(command, name) == value
    assert command.ext_fields == fields["ext_source"]
    assert bytes(command.body) == fields["body"]
    check_every_split(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([0, 1, 2, 255]), st.binary(max_size=8))
@example(b'{"code":310,"extFields":{}}', 0, b"")
def test_any_header_is_accepted_or_refused(header, kind, body):
    check_every_split(frame(header, body, kind))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3))
def test_flipped_bytes_are_accepted_or_refused(name, flips):
    data = bytearray(GOOD[name][:400])
    for position, value in flips:
        data[position % len(data)] = value
    check_every_split(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused(data):
    check_every_split(data)


def test_half_of_a_surrogate_pair_leaves_as_a_question_mark():
    (command,) = FrameDecoder().feed(command_frame(code=0, remark="a\ud800b", ext_source={"k": "\udfff"}))
    assert command.remark == "a?b" and command.ext_fields == {"k": "?"}
