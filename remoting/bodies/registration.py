"""Bodies. A broker's registration with a name server: plain JSON, or Apache's deflated form (RegisterBrokerBody).

Deflated form, lengths as big-endian 4-byte ints: DataVersion, number of topics and each as text
`name readQueueNums writeQueueNums perm filterType attributes`, filter servers, since 5.0.0 static topics' mappings.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson_types import convert
from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.enums import TopicFilterType
from rocketmq_ops.remoting.bodies.route import TopicQueueMappingInfo
from rocketmq_ops.remoting.bodies.topic import TopicConfig, TopicConfigAndMappingSerializeWrapper
from rocketmq_ops.remoting.errors import RemotingProtocolError

#: Ordinal of V5_0_0 in Apache's MQVersion: from there on the deflated form carries mappings.
V5_0_0_ORDINAL: Final = 413

MAX_INFLATED_BYTES: Final = 256 * 1024 * 1024

_INT = struct.Struct(">i")


class RegisterBrokerBody(RemotingSerializable, kw_only=True):
    """Body of REGISTER_BROKER."""

    filter_server_list: list[str] = []
    topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper = msgspec.field(
        default_factory=TopicConfigAndMappingSerializeWrapper
    )

    def encode_compressed(self) -> bytes:
        """The deflated form, for a request with `compressed=true`."""
        wrapper = self.topic_config_serialize_wrapper
        parts: list[bytes] = []

        def add(data: bytes) -> None:
            parts.append(_INT.pack(len(data)))
            parts.append(data)

        add(msgspec.json.encode(wrapper.data_version))
        parts.append(_INT.pack(len(wrapper.topic_config_table)))
        for topic in wrapper.topic_config_table.values():
            add(topic_config_text(topic).encode())
        add(msgspec.json.encode(self.filter_server_list))
        parts.append(_INT.pack(len(wrapper.topic_queue_mapping_info_map)))
        for mapping in wrapper.topic_queue_mapping_info_map.values():
            add(mapping.encode())
        return zlib.compress(b"".join(parts), 9)

    @classmethod
    def decode_compressed(cls, data: bytes | memoryview, version: int) -> RegisterBrokerBody:
        """Read the deflated form of a broker of `version` (MQVersion ordinal). Raises RemotingProtocolError."""
        try:
            return cls._read(_Reader(_inflate(data)), version)
        except (zlib.error, struct.error, ValueError, IndexError, msgspec.MsgspecError, CorruptDataError) as error:
            raise RemotingProtocolError(f"invalid body, expected a deflated RegisterBrokerBody: {error}") from None

    @classmethod
    def _read(cls, reader: _Reader, version: int) -> RegisterBrokerBody:
        wrapper = TopicConfigAndMappingSerializeWrapper(
            data_version=convert(fastjson.loads(reader.take()), DataVersion)
        )
        for _ in range(reader.number()):
            topic = parse_topic_config_text(str(reader.take(), "utf-8"))
            wrapper.topic_config_table[topic.topic_name] = topic
        filter_servers: Any = fastjson.loads(reader.take())
        if version >= V5_0_0_ORDINAL:
            for _ in range(reader.number()):
                mapping = TopicQueueMappingInfo.decode(reader.take())
                wrapper.topic_queue_mapping_info_map[mapping.topic] = mapping
        return cls(
            filter_server_list=[str(server) for server in filter_servers or ()], topic_config_serialize_wrapper=wrapper
        )


def topic_config_text(topic: TopicConfig) -> str:
    """A topic as one line, mirrors TopicConfig.encode.

    Without attributes the line ends before them, as in 4.9, whose name server takes no line with a sixth part.
    """
    numbers = f"{topic.read_queue_nums} {topic.write_queue_nums} {topic.perm}"
    text = f"{topic.topic_name} {numbers} {topic.topic_filter_type or 'SINGLE_TAG'}"
    return f"{text} {str(msgspec.json.encode(topic.attributes), 'utf-8')}" if topic.attributes else text


def parse_topic_config_text(text: str) -> TopicConfig:
    """Read `topic_config_text`; attributes that hold a blank are dropped, as TopicConfig.decode does."""
    parts = text.split(" ")
    topic = TopicConfig(
        topic_name=parts[0],
        read_queue_nums=int(parts[1]),
        write_queue_nums=int(parts[2]),
        perm=int(parts[3]),
        topic_filter_type=msgspec.convert(parts[4], TopicFilterType),
    )
    if len(parts) == 6 and parts[5]:
        attributes = fastjson.loads(parts[5])
        if isinstance(attributes, dict):
            topic.attributes = {str(key): str(value) for key, value in attributes.items()}
    return topic


def _inflate(data: bytes | memoryview) -> bytes:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data, MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError(f"more than {MAX_INFLATED_BYTES} bytes when inflated")
    return plain


class _Reader:
    """Length-prefixed parts one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        (value,) = _INT.unpack_from(self._data, self._at)
        self._at += 4
        return int(value)

    def take(self) -> bytes:
        length = self.number()
        part = self._data[self._at : self._at + length]
        if length < 0 or len(part) != length:
            raise ValueError("a length beyond the end")
        self._at += length
        return part
