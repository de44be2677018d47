"""Turns the records of a block into JSON lines with the field names that Apache's client gives its messages.

Built for speed: columns become lists once a block, and each line is one f-string over them. Which records, and where
the lines go, is for the caller.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np

from rocketmq_ops.common.addresses import unpack_host
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.compression import decompress
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.message import string_to_properties
from rocketmq_ops.common.record_layout import V6_FLAGS
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG
from rocketmq_ops.store.inspect.reading.blocks import Broken, OnBroken, hosts_of
from rocketmq_ops.store.inspect.reading.scan import Block, Column

BODY_FORMS: Final = ("none", "utf-8", "hex", "base64", "json")
FIELDS: Final = (
    "topic", "queueId", "queueOffset", "commitLogOffset", "storeSize", "bornTimestamp", "storeTimestamp", "bornHost",
    "storeHost", "sysFlag", "flag", "bodyCRC", "reconsumeTimes", "preparedTransactionOffset", "msgId", "offsetMsgId",
    "bodyLength", "bodySha256", "properties",
)  # fmt: skip

_quoted = json.encoder.encode_basestring
# What is left of sound properties when all but separators and backslashes is taken away.
_REST: Final = bytes(b for b in range(256) if b not in (1, 2, 0x5C))
_SOUND: Final = frozenset(
    pattern for n in range(1, 200) for pattern in (b"\x01\x02" * n, b"\x01\x02" * (n - 1) + b"\x01")
)
_NOTHING: Final = re.compile(rb"\A\x01|\x02\x01|\x01\x02|\x01\Z")  # a piece without a name, or without a value
_UNIQUE = '"UNIQ_KEY":"'
#: Texts of hosts that are kept.
_MAX_HOSTS: Final = 20_000


def properties_json(raw: bytes) -> str:
    """Properties as a JSON object. Invalid UTF-8 becomes U+FFFD; pieces without a name or a value are left out."""
    rest = raw.translate(None, _REST)
    if rest in _SOUND and (rest[-1] == 1 or raw[-1] == 2) and _NOTHING.search(raw) is None:
        if rest[-1] == 2:
            raw = raw[:-1]
        text = _quoted(str(raw, "utf-8", "replace"))
        return "{" + text.replace("\\u0001", '":"').replace("\\u0002", '","') + "}"
    return msgspec.json.encode(string_to_properties(str(raw, "utf-8", "replace"))).decode()


class MessageLines:
    """Makes lines; remembers the text of topics and hosts from block to block.

    `body` is one of BODY_FORMS. Bodies are decompressed and sysFlag then loses its compressed bit, as in a 5.x client;
    with `keep_flags` it stays, as in a 4.9 client. With `as_stored` compressed bodies stay as they are too.
    """

    def __init__(
        self,
        body: str = "none",
        *,
        as_stored: bool = False,
        keep_flags: bool = False,
        on_broken: OnBroken | None = None,
    ) -> None:
        self._body_text = _BODY_TEXT[body]
        self._as_stored = as_stored
        self._cleared = 0 if keep_flags else COMPRESSED_FLAG
        self._on_broken = on_broken
        self._topics: Bounded[bytes, str] = Bounded(10_000)
        self._hosts: Bounded[tuple[int, int], tuple[str, str]] = Bounded(_MAX_HOSTS)

    def lines(self, block: Block, rows: Column) -> list[str]:
        """One line (with its line feed) for each of `rows`."""
        if len(rows) == 0:
            return []
        born, store = self._hosts_of(block, rows)
        data, body_text = block.data, self._body_text
        sha256, properties_of = hashlib.sha256, properties_json
        result: list[str] = []
        add = result.append
        for (
            topic, queue, number, offset, size, born_ms, store_ms, (born_host, _), (store_host, prefix), flags, flag,
            crc, times, prepared, body, properties_at, properties_end,
        ) in zip(*self._columns(block, rows, born, store), strict=True):  # fmt: skip
            properties = properties_of(data[properties_at:properties_end])
            offset_id = f"{prefix}{offset & 0xFFFFFFFFFFFFFFFF:016X}"
            at = properties.rfind(_UNIQUE)
            unique = properties[at + 12 : properties.index('"', at + 12)] if at >= 0 else offset_id
            if not unique or unique[-1] == "\\":
                unique = _unique_key(properties) or offset_id
            add(
                f'{{"topic":{topic},"queueId":{queue},"queueOffset":{number},"commitLogOffset":{offset},"storeSize":{size},'
                f'"bornTimestamp":{born_ms},"storeTimestamp":{store_ms},"bornHost":"{born_host}","storeHost":"{store_host}",'
                f'"sysFlag":{flags},"flag":{flag},"bodyCRC":{crc},"reconsumeTimes":{times},'
                f'"preparedTransactionOffset":{prepared},"msgId":"{unique}","offsetMsgId":"{offset_id}",'
                f'"bodyLength":{len(body)},"bodySha256":"{sha256(body).hexdigest()}","properties":{properties}'
                f"{body_text(body)}}}\n"
            )
        return result

    def born_hosts(self, block: Block, rows: Column) -> list[str]:
        """The born hosts as `/ip:port`."""
        return [text for text, _ in self._hosts_of(block, rows)[0]]

    def _hosts_of(self, block: Block, rows: Column) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        if bool((block.head["sys_flag"][rows] & V6_FLAGS).any()):
            return _packed_hosts(block, rows)
        return self._host_texts(block, rows, "born"), self._host_texts(block, rows, "store")

    def _columns(self, block: Block, rows: Column, born: Any, store: Any) -> list[Any]:
        head = block.head[rows]
        ends = block.properties_at[rows] + block.properties_length[rows]
        flags, bodies = self._bodies(block, rows, head)
        names = block.slices(block.topic_at[rows], block.topic_length[rows])
        return [
            [self._topics.get(name) or self._topic(name) for name in names], head["queue_id"].tolist(),
            head["queue_offset"].tolist(), head["physical_offset"].tolist(), head["size"].tolist(),
            head["born_timestamp"].tolist(), head["store_timestamp"].tolist(), born, store, flags,
            head["flag"].tolist(), (head["body_crc"].astype(np.int64) & 0xFFFFFFFF).tolist(),
            head["reconsume_times"].tolist(), head["prepared_transaction_offset"].tolist(), bodies,
            block.properties_at[rows].tolist(), ends.tolist(),
        ]  # fmt: skip

    def _topic(self, name: bytes) -> str:
        text = self._topics[name] = _quoted(str(name, "utf-8", "replace"))
        return text

    def _bodies(self, block: Block, rows: Column, head: Column) -> tuple[list[int], list[bytes]]:
        at = block.body_at[rows]
        bodies = block.slices(at, head["body_length"].astype(np.int64))
        flags: list[int] = head["sys_flag"].tolist()
        if not self._as_stored:
            for i in np.flatnonzero(head["sys_flag"] & COMPRESSED_FLAG).tolist():
                if not bodies[i]:
                    continue
                try:
                    bodies[i] = decompress(bodies[i], flags[i])
                    flags[i] &= ~self._cleared
                except CorruptDataError as error:
                    if self._on_broken is not None:
                        record = Broken(int(block.offsets[rows[i]]), int(head["size"][i]), "compression", str(error))
                        self._on_broken(record)
        return flags, bodies

    def _host_texts(self, block: Block, rows: Column, which: str) -> list[tuple[str, str]]:
        pairs = list(
            zip(block.head[f"{which}_ip"][rows].tolist(), block.head[f"{which}_port"][rows].tolist(), strict=True)
        )
        texts = {pair: self._hosts.get(pair) or self._host_text(pair) for pair in set(pairs)}
        return [texts[pair] for pair in pairs]

    def _host_text(self, pair: tuple[int, int]) -> tuple[str, str]:
        text = self._hosts[pair] = _host(pair[0].to_bytes(4, "big") + pair[1].to_bytes(4, "big", signed=True))
        return text


def _host(packed: bytes) -> tuple[str, str]:
    """The text `/ip:port` as Java prints an address, and the hex that begins an offset message id."""
    host, port = unpack_host(packed)
    return f"/{host}:{port}", packed.hex().upper()


def _packed_hosts(block: Block, rows: Column) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    pairs = [hosts_of(block, row) for row in rows.tolist()]
    return [_host(born) for born, _ in pairs], [_host(store) for _, store in pairs]


def _unique_key(properties: str) -> str:
    found = msgspec.json.decode(properties).get("UNIQ_KEY", "")
    return _quoted(found)[1:-1]


def _as_json(body: bytes) -> str:
    try:
        return ',"body":' + msgspec.json.encode(msgspec.json.decode(body)).decode()
    except msgspec.DecodeError:
        return _as_text(body)
    except UnicodeDecodeError:
        return _as_text(body)


def _as_text(body: bytes) -> str:
    """UTF-8 text; other bytes under a name of their own, in base64, so that nothing is lost."""
    try:
        return f',"body":{_quoted(body.decode())}'
    except UnicodeDecodeError:
        return f',"bodyBase64":"{base64.b64encode(body).decode()}"'


_BODY_TEXT: Final[dict[str, Callable[[bytes], str]]] = {
    "none": lambda body: "",
    "utf-8": _as_text,
    "hex": lambda body: f',"body":"{body.hex()}"',
    "base64": lambda body: f',"body":"{base64.b64encode(body).decode()}"',
    "json": _as_json,
}
