"""The recorded session of Apache's mqadmin, replayed against our broker on the store that Apache's broker left.

Each answer must have the code, the extFields and the JSON structure of Apache's; values differ, because the store is
the one at the end of the session.
"""

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.codes import RequestCode
from tests.broker.admin_broker import make_controller
from tests.golden_data import session_frames, unpack_store

FIRST_COMMAND_LINE = 982
BROKER_LINK = "23976"
#: JSON objects whose keys are names of topics, groups, queues and the like, not fields.
MAPS = {"topicConfigTable", "subscriptionGroupTable", "offsetTable", "forbiddenTable", "data", "consumeStatsList"}
#: Keys that the recorded broker's property file set, or that are null (and so not shown) unless it does.
ONLY_IN_FILE = {"mapedFileSizeCommitLog", "mapedFileSizeConsumeQueue", "namesrvAddr", "rocketmqHome"} | {
    "storePathCommitLog",
    "storePathConsumeQueue",
    "storePathIndex",
}
#: Answers that must be equal, not only alike.
EQUAL = {RequestCode.QUERY_CONSUME_QUEUE, RequestCode.SET_MESSAGE_REQUEST_MODE, RequestCode.QUERY_MESSAGE}


class Exchange:
    """A recorded request with Apache's answer, if there was one."""

    def __init__(self, conn: int, frame: bytes) -> None:
        self.conn = conn
        self.frame = frame
        self.header, self.body = split(frame)
        self.answer: tuple[dict[str, Any], bytes] | None = None

    @property
    def code(self) -> int:
        return int(self.header["code"])


def split(frame: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from(">i", frame, 4)
    assert length >> 24 == 0, "the session was recorded with JSON headers"
    return json.loads(frame[8 : 8 + length]), frame[8 + length :]


def recorded_exchanges() -> list[Exchange]:
    exchanges: list[Exchange] = []
    open_requests: dict[tuple[int, int], Exchange] = {}
    for line in session_frames()[FIRST_COMMAND_LINE:]:
        if line["link"] != BROKER_LINK:
            continue
        frame = bytes.fromhex(line["hex"])
        header, body = split(frame)
        key = (line["conn"], header["opaque"])
        if line["dir"] == "request" and not header["flag"] & 1:
            exchange = Exchange(line["conn"], frame)
            exchanges.append(exchange)
            open_requests[key] = exchange
        elif line["dir"] == "response" and header["flag"] & 1 and key in open_requests:
            open_requests.pop(key).answer = (header, body)
    return exchanges


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer_to(self, opaque: int) -> tuple[dict[str, Any], bytes]:
        while True:
            size = await self.reader.readexactly(4)
            frame = size + await self.reader.readexactly(struct.unpack(">i", size)[0])
            header, body = split(frame)
            if header["flag"] & 1 and header["opaque"] == opaque:
                return header, body


def alike(ours: Any, theirs: Any, path: str, inside_map: bool = False) -> list[str]:
    """Differences in structure: missing or extra fields, other types."""
    if isinstance(theirs, bool) or isinstance(ours, bool) or type(ours) is not type(theirs):
        same = type(ours) is type(theirs) or {type(ours), type(theirs)} <= {dict, fastjson.ObjectKey}
        if not same:
            return [f"{path}: {type(theirs).__name__} expected, not {type(ours).__name__}"]
    if isinstance(theirs, dict):
        if inside_map:
            pairs = [(next(iter(ours.values())), next(iter(theirs.values())))] if ours and theirs else []
            return [difference for a, b in pairs for difference in alike(a, b, f"{path}.*")]
        if set(ours) != set(theirs):
            missing, extra = set(theirs) - set(ours), set(ours) - set(theirs)
            return [f"{path}: missing {sorted(map(str, missing))}, extra {sorted(map(str, extra))}"]
        return [d for key in theirs for d in alike(ours[key], theirs[key], f"{path}.{key}", key in MAPS)]
    if isinstance(theirs, list) and ours and theirs:
        return alike(ours[0], theirs[0], f"{path}[]", inside_map)
    return []


def compare_bodies(code: int, ours: bytes, theirs: bytes) -> list[str]:
    if code == RequestCode.GET_BROKER_CONFIG:
        missing = set(parse_properties(theirs.decode())) - set(parse_properties(ours.decode())) - ONLY_IN_FILE
        return [f"missing keys {sorted(missing)}"] if missing else []
    if code in EQUAL and ours != theirs:
        return [f"{ours!r} is not {theirs!r}"]
    if bool(ours) != bool(theirs):
        return [f"body of {len(ours)} bytes where Apache's has {len(theirs)}"]
    if theirs[:1] not in (b"{", b"["):
        return []
    mine, apaches = fastjson.loads(ours), fastjson.loads(theirs)
    if code == RequestCode.GET_BROKER_RUNTIME_INFO:
        # The second spelling of one key is for the mqadmin of 4.9.x.
        keys = [{key.split("_/")[0] for key in table["table"]} - {"getTransferedTps"} for table in (mine, apaches)]
        return [f"missing {sorted(keys[1] - keys[0])}, extra {sorted(keys[0] - keys[1])}"] if keys[0] != keys[1] else []
    return alike(mine, apaches, RequestCode(code).name)


async def replay(root: Path) -> list[str]:
    # The messages of the store are from when it was recorded; one of the requests is to delete what is too old.
    controller = make_controller(root, {"fileReservedTime": 1_000_000})
    await controller.start()
    # What the recorded broker had counted since its start.
    for topic in ("GoldOrders", "RMQ_SYS_TRANS_HALF_TOPIC", "SCHEDULE_TOPIC_XXXX"):
        controller.stats.topic_counters(topic)
    for group in ("Gold_group", "Gold_sql"):
        controller.stats.group_counters(group, "GoldOrders")
    connections: dict[int, Connection] = {}
    problems: list[str] = []
    replayed = 0
    try:
        for exchange in recorded_exchanges():
            if exchange.conn not in connections:
                host, port = controller.address.split(":")
                connections[exchange.conn] = Connection(*await asyncio.open_connection(host, int(port)))
            connection = connections[exchange.conn]
            oneway = exchange.header["flag"] & 2
            if exchange.answer is None and not oneway:
                continue
            connection.writer.write(exchange.frame)
            if oneway or exchange.answer is None:
                continue
            header, body = await asyncio.wait_for(connection.answer_to(exchange.header["opaque"]), 10)
            problems += compare(exchange, header, body)
            replayed += 1
        assert replayed > 200
    finally:
        for connection in connections.values():
            connection.writer.close()
        await controller.stop()
    return problems


def compare(exchange: Exchange, header: dict[str, Any], body: bytes) -> list[str]:
    assert exchange.answer is not None
    expected, expected_body = exchange.answer
    name = RequestCode(exchange.code).name
    if header["code"] != expected["code"]:
        return [f"{name}: code {header['code']} ({header.get('remark')}), Apache's {expected['code']}"]
    fields, expected_fields = set(header.get("extFields") or {}), set(expected.get("extFields") or {})
    problems = []
    if fields != expected_fields:
        problems.append(f"extFields {sorted(fields)}, Apache's {sorted(expected_fields)}")
    if header["code"] != 0 and header.get("remark") != expected.get("remark"):
        problems.append(f"remark {header.get('remark')!r}, Apache's {expected.get('remark')!r}")
    problems += compare_bodies(exchange.code, body, expected_body)
    return [f"{name} {exchange.header.get('extFields')}: {problem}" for problem in problems]


def test_every_recorded_request_is_answered_as_apaches_broker_answers_it(tmp_path):
    problems = asyncio.run(replay(unpack_store("5.3.3-clean", tmp_path)))
    assert not problems, "\n".join(problems)


def test_the_session_covers_the_administration_codes():
    codes = {exchange.code for exchange in recorded_exchanges()}
    assert codes >= {17, 21, 25, 26, 28, 200, 201, 202, 203, 204, 207, 208, 215, 222, 300, 305, 306, 315, 316, 317, 321}
