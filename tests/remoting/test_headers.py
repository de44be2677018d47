"""Every declared header against the fields, types and required flags of Apache's classes."""

import msgspec
import pytest
from remoting_golden import facts

from rocketmq_ops.remoting import headers
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Int, Long, RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError
from rocketmq_ops.remoting.header_fields import ext_json, to_ext_fields

BASES = {"CustomHeader", "RpcRequestHeader", "TopicRequestHeader", "TopicQueueRequestHeader"}
TYPES = {
    "String": str,
    "BoundaryType": str,
    "Integer": Int,
    "int": Int,
    "Long": Long,
    "long": Long,
    "Boolean": bool,
    "boolean": bool,
}
TABLE = {row["class"]: row for row in facts("headers")}
SAMPLES = {str: "a b", Int: -7, Long: 1 << 40, bool: True}


def test_every_class_is_declared():
    assert set(headers.header_class_names()) - BASES == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_fields_are_apaches(name):
    declared = {f.encode_name: f for f in msgspec.structs.fields(getattr(headers, name))}
    assert set(declared) == {row["name"] for row in TABLE[name]["fields"]}
    for row in TABLE[name]["fields"]:
        field, kind = declared[row["name"]], TYPES[row["type"]]
        assert field.required == row["required"], row["name"]
        assert field.type in (kind, kind | None), row["name"]
        if row["required"]:
            assert field.type == kind, row["name"]


@pytest.mark.parametrize("name", sorted(TABLE))
def test_text_fields_read_back(name):
    cls = getattr(headers, name)
    values = {}
    for f in msgspec.structs.fields(cls):
        kind = next(k for k in SAMPLES if f.type in (k, k | None))
        values[f.name] = SAMPLES[kind]
    header = cls(**values)
    text = to_ext_fields(header)
    assert all(type(v) is str for v in text.values())
    assert RemotingCommand.request(1, ext_fields=text).decode_header(cls) == header
    assert msgspec.json.decode(ext_json(header, None)) == text


def test_header_of_request_follows_apaches_registry():
    for name, row in TABLE.items():
        if row["requestCode"] and "Response" not in name:
            assert headers.HEADER_OF_REQUEST[row["requestCode"]].__name__ == name
    assert headers.HEADER_OF_REQUEST[320] is headers.SendMessageRequestHeaderV2
    assert len(dict(headers.HEADER_OF_REQUEST)) == len(headers.HEADER_OF_REQUEST)


def test_codes_are_apaches():
    assert {c.name: c.value for c in RequestCode} == facts("request-codes")
    assert {c.name: c.value for c in ResponseCode} == facts("response-codes")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"topic": "T"}, "queueId"),
        ({"topic": "T", "queueId": "x"}, "queueId"),
        ({"topic": "T", "queueId": str(1 << 31)}, "queueId"),
        ({"queueId": "1"}, "topic"),
    ],
)
def test_a_bad_field_is_named(fields, named):
    with pytest.raises(RemotingProtocolError, match=named):
        RemotingCommand.request(31, ext_fields=fields).decode_header(headers.GetMinOffsetRequestHeader)
