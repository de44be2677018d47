"""Every declared header against the fields, types and required flags of Apache's classes."""

import msgspec
import pytest
from remoting_golden import facts

from rocketmq_ops.remoting import headers
from rocketmq_ops.remoting.bodies.enums import TopicFilterType
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import HeaderBoolean, Int, Long, RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError
from rocketmq_ops.remoting.header_fields import ext_json, to_ext_fields

HEADER_OF_REQUEST = headers.header_of_request()
BASES = {"CustomHeader", "RpcRequestHeader", "TopicRequestHeader", "TopicQueueRequestHeader"}
TYPES = {
    "String": str,
    "BoundaryType": str,
    "Integer": Int,
    "int": Int,
    "Long": Long,
    "long": Long,
    "Boolean": HeaderBoolean,
    "boolean": HeaderBoolean,
}
ENUMS = {("CreateTopicRequestHeader", "topicFilterType"): TopicFilterType}
TABLE = {row["class"]: row for row in facts("headers")}
LATER = {row["class"]: row for row in facts("headers", "5.5.0")}
# Of admin calls to brokers of other versions: declared as those have them.
OTHERS = {
    "4.9.7": (
        "CreateAccessConfigRequestHeader DeleteAccessConfigRequestHeader GetBrokerAclConfigResponseHeader "
        "RegisterFilterServerRequestHeader RegisterFilterServerResponseHeader UpdateGlobalWhiteAddrsConfigRequestHeader"
    ),
    "5.5.0": (
        "GetLiteClientInfoRequestHeader GetLiteGroupInfoRequestHeader GetLiteTopicInfoRequestHeader "
        "GetParentTopicInfoRequestHeader TriggerLiteDispatchRequestHeader"
    ),
}
for version, names in OTHERS.items():
    rows = {row["class"]: row for row in facts("headers", version) if row["class"] in names.split()}
    assert set(rows) == set(names.split())
    TABLE |= rows
    LATER |= rows
SAMPLES = {str: "a b", Int: -7, Long: 1 << 40, HeaderBoolean: True, TopicFilterType: "MULTI_TAG"}


def test_every_class_is_declared():
    assert set(headers.header_class_names()) - BASES == set(TABLE)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_fields_are_apaches(name):
    declared = {f.encode_name: f for f in msgspec.structs.fields(getattr(headers, name))}
    known = {row["name"] for row in TABLE[name]["fields"]}
    added = [row for row in LATER[name]["fields"] if row["name"] in set(declared) - known]
    assert set(declared) == known | {row["name"] for row in added}
    assert not [row for row in added if row["required"]], "brokers and clients before 5.5 do not send it"
    for row in TABLE[name]["fields"] + added:
        field, kind = declared[row["name"]], TYPES[row["type"]]
        if (name, row["name"]) in ENUMS:
            kind = ENUMS[name, row["name"]]
        # A boolean that is not sent is false in Java, whether it is said to be needed or not.
        required = row["required"] and (field.required or kind is not HeaderBoolean)
        assert field.required == required, row["name"]
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
            assert HEADER_OF_REQUEST[row["requestCode"]].__name__ == name
    assert HEADER_OF_REQUEST[320] is headers.SendMessageRequestHeaderV2
    declared = [code for name in TABLE for code in getattr(headers, name).codes]
    assert sorted(declared) == sorted(HEADER_OF_REQUEST), "two headers of one request"


def test_codes_are_apaches():
    assert {c.name: c.value for c in RequestCode} == facts("request-codes", "5.5.0")
    assert {c.name: c.value for c in ResponseCode} == facts("response-codes", "5.5.0")


@pytest.mark.parametrize("table", ["request-codes", "response-codes"])
def test_5_5_has_the_codes_of_5_3(table):
    assert facts(table).items() < facts(table, "5.5.0").items()


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


@pytest.mark.parametrize(
    ("text", "read"), [("true", True), ("TRUE", True), ("1", False), ("yes", False), ("", False), (" true", False)]
)
def test_a_boolean_is_read_as_java_reads_it(text, read):
    fields = {"topic": "T", "acceptStandardJsonOnly": text}
    header = RemotingCommand.request(105, ext_fields=fields).decode_header(headers.GetRouteInfoRequestHeader)
    assert header.accept_standard_json_only == read and bool(header.accept_standard_json_only) is read
    assert to_ext_fields(header)["acceptStandardJsonOnly"] == str(read).lower()


CREATE = {
    "topic": "T", "defaultTopic": "D", "readQueueNums": "+5", "writeQueueNums": "5", "perm": "6",
    "topicFilterType": "MULTI_TAG", "topicSysFlag": "", "order": "yes",
}  # fmt: skip


def test_javas_numbers_in_text():
    """A sign is no matter, a bad number where none is needed is passed over."""
    header = RemotingCommand.request(17, ext_fields=CREATE).decode_header(headers.CreateTopicRequestHeader)
    assert (header.read_queue_nums, header.topic_sys_flag, bool(header.order)) == (5, None, False)


@pytest.mark.parametrize("name", ["0", "multi_tag", "FOO", ""])
def test_an_enum_of_a_header_has_its_exact_name(name):
    request = RemotingCommand.request(17, ext_fields={**CREATE, "topicFilterType": name})
    with pytest.raises(RemotingProtocolError, match="topicFilterType"):
        request.decode_header(headers.CreateTopicRequestHeader)
