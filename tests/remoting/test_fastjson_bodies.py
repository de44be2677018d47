"""Bodies and headers that are written otherwise than Apache writes them, read as fastjson reads them.

`golden/rocketmq/5.3.3/fastjson.json`: class, text, and what Apache 5.3.3 made of it; null where it refused.
"""

import json
import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.fastjson_types import ConversionError, convert
from rocketmq_ops.remoting import bodies
from rocketmq_ops.remoting.bodies.enums import ConsumeFromWhere
from rocketmq_ops.remoting.errors import FrameError, RemotingProtocolError
from rocketmq_ops.remoting.frame_codec import FrameDecoder, decode_json_header

ROWS = json.loads((Path(__file__).parents[1] / "golden/rocketmq/5.3.3/fastjson.json").read_text("utf-8"))
# What we have where Java's field is null; tools show them.
DEFAULTS = (
    "TAG",
    "SINGLE_TAG",
    "*",
    "CUSTOMIZED",
    {"customizedRetryPolicy": None, "exponentialRetryPolicy": None, "type": "CUSTOMIZED"},
)
# Read by fastjson, and then the handler fails: Apache answers the request with code 1.
REFUSED_LATER = {
    '{"subscriptionDataSet":null}', '{"subscriptionDataSet":[null]}', '{"producerDataSet":null,"consumerDataSet":null}',
    '{"consumerGroup":"g","clientId":"c","mqSet":null}',
}  # fmt: skip


def refused_later(name, text):
    return text in REFUSED_LATER or (name == "LockBatchRequestBody" and text.count("lient") + text.count("Group") < 2)


def same(apache, ours):
    """Whether two values say the same; what is null there has its default here, nulls in lists are left out."""
    if apache is None:
        return not ours or ours in DEFAULTS
    if isinstance(apache, dict):
        return all(same(value, ours.get(name)) for name, value in apache.items())
    if isinstance(apache, list):
        kept = [value for value in apache if value is not None]
        if kept and not isinstance(kept[0], dict):
            return set(kept) == set(ours)
        return len(kept) == len(ours) and all(map(same, kept, ours))
    return apache == ours or apache == {"1.50": "1.5"}.get(str(ours) + "0", ours) or (apache, ours) == ("1.50", "1.5")


@pytest.mark.parametrize(("name", "text", "apache"), [row for row in ROWS if row[0] != "RemotingCommand"])
def test_bodies(name, text, apache):
    cls = getattr(bodies, name)
    if apache is None or refused_later(name, text):
        with pytest.raises(RemotingProtocolError):
            cls.decode(text.encode())
    else:
        assert same(apache, msgspec.to_builtins(cls.decode(text.encode())))


@pytest.mark.parametrize(("text", "apache"), [row[1:] for row in ROWS if row[0] == "RemotingCommand"])
def test_headers(text, apache):
    if apache is None or not json.loads(text.lower()).get("code"):
        if "serializeType" not in text:  # nobody looks at that one
            with pytest.raises(FrameError):
                decode_json_header(text.encode())
        return
    command = decode_json_header(text.encode())
    assert (command.code, command.flag, command.remark) == (apache["code"], apache["flag"], apache["remark"])
    assert command.opaque == apache.get("opaque", command.opaque)
    if apache["language"] not in (None, "JAVA"):
        assert command.language == apache["language"]
    assert same(apache["extFields"], command.ext_fields)


def test_the_heartbeat_of_apaches_client_for_cpp():
    """One whole frame as that client sends it: enums by position, `subVersion` as text."""
    frame = bytes.fromhex(
        "000000f70000003f7b22636f6465223a33342c22666c6167223a302c226c616e6775616765223a22435050222c226f7061717565223a3233"
        "2c2276657273696f6e223a36337d0a7b22636c69656e744944223a2263222c22636f6e73756d657244617461536574223a5b7b22636f6e73"
        "756d6546726f6d5768657265223a302c22636f6e73756d6554797065223a312c2267726f75704e616d65223a2247222c226d657373616765"
        "4d6f64656c223a312c22737562736372697074696f6e44617461536574223a5b7b22737562537472696e67223a222a222c22737562566572"
        "73696f6e223a2231222c22746f706963223a2254227d5d7d5d7d0a"
    )
    (command,) = FrameDecoder().feed(frame)
    (consumer,) = bodies.HeartbeatData.decode(command.body).consumer_data_set
    assert (command.code, command.opaque, command.language) == (34, 23, "CPP")
    assert (consumer.consume_from_where, consumer.consume_type, consumer.message_model) == (
        "CONSUME_FROM_LAST_OFFSET", "CONSUME_PASSIVELY", "CLUSTERING",
    )  # fmt: skip
    (subscription,) = consumer.subscription_data_set
    assert (subscription.topic, subscription.sub_version, subscription.sub_string) == ("T", 1, "*")


@pytest.mark.parametrize("end", [b"\0", b"\n", b" \0\0"])
def test_a_header_may_end_with_blanks_and_nulls(end):
    header = b'{"code":34,"flag":0,"language":"CPP","opaque":23,"version":63}' + end
    frame = struct.pack(">II", 4 + len(header), len(header)) + header
    assert [command.opaque for command in FrameDecoder().feed(frame)] == [23]


@given(
    st.permutations(["clientID", "consumerDataSet", "producerDataSet"]),
    st.data(),
)
def test_keys_in_any_spelling(keys, data):
    """fastjson matches names without regard to case, underscores and dashes."""
    values = {"clientID": "c", "consumerDataSet": [{"groupName": "G"}], "producerDataSet": [{"groupName": "P"}]}
    spelled = {}
    for key in keys:
        letters = [data.draw(st.sampled_from([c.lower(), c.upper(), f"_{c}", f"-{c}"])) for c in key]
        spelled["".join(letters)] = values[key]
    body = bodies.HeartbeatData.decode(msgspec.json.encode(spelled))
    assert (body.client_id, body.consumer_data_set[0].group_name, body.producer_data_set[0].group_name) == (
        "c", "G", "P",
    )  # fmt: skip


@given(
    st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.booleans()
    | st.none()
    | st.lists(st.none())
)
def test_an_enum_is_a_constant_nothing_or_refused(value):
    names = list(ConsumeFromWhere.__args__)
    text = (
        msgspec.json.encode({"consumeFromWhere": value})
        if not isinstance(value, int)
        else b'{"consumeFromWhere":%d}' % value
    )
    if type(value) is int and 0 <= value < len(names):
        expected = names[value]
    elif value is None or isinstance(value, str):
        expected = next((name for name in names if name.lower() == (value or "").lower()), None)
    else:
        with pytest.raises(RemotingProtocolError, match="consumeFromWhere"):
            bodies.ConsumerData.decode(
                text if not isinstance(value, bool) else msgspec.json.encode({"consumeFromWhere": value})
            )
        return
    assert bodies.ConsumerData.decode(text).consume_from_where == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "clientID",
                        "consumerDataSet",
                        "groupName",
                        "subscriptionDataSet",
                        "codeSet",
                        "subVersion",
                        "unitMode",
                        "x",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_any_value_is_read_or_refused(value):
    """And what is read can be written and read again."""
    for cls in (bodies.HeartbeatData, bodies.ConsumerData, bodies.SubscriptionData):
        try:
            read = convert(fastjson.loads(fastjson.dumps(value)), cls)
        except (ConversionError, fastjson.FastjsonError):
            continue
        assert cls.decode(read.encode()) == read
