"""Bodies: fields as Apache's classes have them, both dialects of JSON, the deflated registration, hostile text."""

import struct
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from remoting_golden import facts

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting import bodies
from rocketmq_ops.remoting.bodies.registration import parse_topic_config_text, topic_config_text
from rocketmq_ops.remoting.errors import RemotingProtocolError

# Java's field -> the name that fastjson derives from its getter, or None where it writes none.
WIRE_NAMES = {"isWithoutSub": "withoutSub", "isActivated": None, "random": None}
# Written by Apache's brokers though no field of the class.
EXTRA = {("SubscriptionGroupWrapper", "forbiddenTable")}

NAMES = sorted(set(bodies.body_class_names()) - {"RemotingSerializable"})


def classes_of_apache():
    return {row["class"].rpartition("$")[2]: row for row in facts("bodies")}


@pytest.mark.parametrize("name", [n for n in NAMES if n in classes_of_apache()])
def test_fields_are_apaches(name):
    declared = {f.encode_name for f in msgspec.structs.fields(getattr(bodies, name))}
    names = {WIRE_NAMES.get(f["name"], f["name"]) for f in classes_of_apache()[name]["fields"]} - {None}
    assert declared - {extra for cls, extra in EXTRA if cls == name} == names


@pytest.mark.parametrize("name", NAMES)
def test_every_body_reads_what_it_writes(name):
    cls = getattr(bodies, name)
    try:
        body = cls()
        empty = b"{}"
    except TypeError:  # something is required
        given = {"message_queue": MessageQueue("T", "b", 1), "client_id": "c", "consumer_group": "g"}
        body = cls(**{name: value for name, value in given.items() if name in cls.__struct_fields__})
        empty = body.encode()
    assert cls.decode(body.encode()) == body
    assert cls.decode(empty) == body


ROUTE = bodies.TopicRouteData(
    broker_datas=[bodies.BrokerData(broker_name="b", cluster="c", broker_addrs={0: "h:1", 1: "h:2"})],
    queue_datas=[bodies.QueueData(broker_name="b", read_queue_nums=4, write_queue_nums=4, perm=6)],
    filter_server_table={"h:1": []},
)


def test_numbers_as_keys():
    dialect, standard = ROUTE.encode(), ROUTE.encode(standard_json=True)
    assert b'{0:"h:1",1:"h:2"}' in dialect and b'{"0":"h:1","1":"h:2"}' in standard
    assert msgspec.json.decode(standard)["brokerDatas"][0]["brokerAddrs"] == {"0": "h:1", "1": "h:2"}
    assert bodies.TopicRouteData.decode(dialect) == bodies.TopicRouteData.decode(standard) == ROUTE
    assert b"null" not in dialect + standard


def test_objects_as_keys():
    queue = MessageQueue("T", "broker-a", 3)
    stats = bodies.TopicStatsTable(offset_table={queue: bodies.TopicOffset(max_offset=7)}, topic_put_tps=0.5)
    text = stats.encode()
    assert text.startswith(b'{"offsetTable":{{') and b'"queueId":3' in text
    assert bodies.TopicStatsTable.decode(text) == stats
    key = b'{"brokerName":"broker-a","queueId":3,"topic":"T"}'
    written_by_java = b'{"offsetTable":{' + key + b':{"maxOffset":7}},"topicPutTps":0.5}'
    assert bodies.TopicStatsTable.decode(written_by_java) == stats


def test_every_body_notices_unknown_fields():
    """They may be known ones in another spelling, which the fast way would pass over."""
    for name in NAMES:
        assert getattr(bodies, name).__struct_config__.forbid_unknown_fields, name


def test_nulls_and_unknown_fields_are_taken():
    config = bodies.TopicConfig.decode(b'{"topicName":"T","attributes":null,"perm":null,"later":[1,{"x":2}]}')
    assert config == bodies.TopicConfig(topic_name="T")


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b'{"perm":"x"}', b"{", b"\xff", b'{"attributes":[1]}'])
def test_other_text_is_refused(text):
    with pytest.raises(RemotingProtocolError, match="TopicConfig"):
        bodies.TopicConfig.decode(text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NAMES), st.binary(max_size=60) | st.text('{}[]":,0a.nulltrue', max_size=40).map(str.encode))
def test_any_text_is_taken_or_refused(name, text):
    cls = getattr(bodies, name)
    try:
        assert isinstance(cls.decode(text), cls)
    except RemotingProtocolError as error:
        assert name in str(error)


def registration(*topics):
    body = bodies.RegisterBrokerBody(filter_server_list=["h:1"])
    wrapper = body.topic_config_serialize_wrapper
    wrapper.data_version.counter = 5
    wrapper.topic_config_table = {topic.topic_name: topic for topic in topics}
    wrapper.topic_queue_mapping_info_map = {"S": bodies.TopicQueueMappingInfo(topic="S", curr_id_map={0: 1})}
    return body


@pytest.mark.parametrize("field", [b'"filterServerTable"', b'"unknown"', b'"queueDatas":null,"unknown"', b"1"])
def test_nesting_has_a_limit_whatever_the_interpreter_allows(field):
    levels = fastjson.MAX_DEPTH - 1
    bodies.TopicRouteData.decode(b'{"unknown":' + b"[" * levels + b"]" * levels + b"}")
    for more in (1, 1000, 100_000):
        text = b"[" * (levels + more) + b"]" * (levels + more)
        with pytest.raises(RemotingProtocolError):
            bodies.TopicRouteData.decode(b"{" + field + b":" + text + b"}")


def test_deflated_registration():
    body = registration(
        bodies.TopicConfig(topic_name="A", read_queue_nums=8, write_queue_nums=4, perm=4, attributes={"k": "v"}),
        bodies.TopicConfig(topic_name="B"),
    )
    assert bodies.RegisterBrokerBody.decode_compressed(body.encode_compressed(), 479) == body
    assert bodies.RegisterBrokerBody.decode(body.encode()) == body
    old = bodies.RegisterBrokerBody.decode_compressed(body.encode_compressed(), 407)
    assert old.topic_config_serialize_wrapper.topic_queue_mapping_info_map == {}


def test_topics_as_one_line():
    topic = bodies.TopicConfig(topic_name="T", read_queue_nums=1, write_queue_nums=2, perm=6, attributes={"a": "b"})
    assert topic_config_text(topic) == 'T 1 2 6 SINGLE_TAG {"a":"b"}'
    assert parse_topic_config_text(topic_config_text(topic)) == topic
    assert parse_topic_config_text("T 1 2 6 SINGLE_TAG") == bodies.TopicConfig(
        topic_name="T", read_queue_nums=1, write_queue_nums=2
    )


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.booleans(), st.sampled_from([407, 479]))
def test_any_deflated_bytes_are_taken_or_refused(data, deflate, version):
    try:
        bodies.RegisterBrokerBody.decode_compressed(zlib.compress(data) if deflate else data, version)
    except RemotingProtocolError as error:
        assert "RegisterBrokerBody" in str(error)


@pytest.mark.parametrize("count", [-1, 1 << 30])
def test_a_hostile_count_of_topics_is_refused_at_once(count):
    version = b'{"counter":1}'
    data = struct.pack(">i", len(version)) + version + struct.pack(">i", count)
    with pytest.raises(RemotingProtocolError):
        bodies.RegisterBrokerBody.decode_compressed(zlib.compress(data), 479)
