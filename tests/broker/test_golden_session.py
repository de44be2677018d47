"""The requests of a recorded session with Apache's broker, put to ours: the answers must be the same."""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

from tests.broker.support import new_broker
from tests.golden_data import session_frames

BROKER_LINK = "23976"
#: Requests of clients, in the order in which their answers depend on each other.
CODES = {10, 11, 14, 15, 34, 35, 36, 37, 38, 41, 42, 46, 310, 320}
#: From here on Apache's mqadmin was at work.
CLIENTS_END = 1000

Frame = tuple[dict[str, Any], bytes]


def parse(raw: bytes) -> Frame:
    length = struct.unpack(">I", raw[4:8])[0] & 0xFFFFFF
    return json.loads(raw[8 : 8 + length]), raw[8 + length :]


def recorded() -> tuple[list[tuple[int, bytes, Frame]], dict[tuple[int, int], Frame]]:
    """(requests as connection, bytes, frame; answers by connection and opaque)."""
    requests, answers = [], {}
    for line in session_frames()[:CLIENTS_END]:
        raw = bytes.fromhex(line["hex"])
        frame = parse(raw)
        if line["link"] != BROKER_LINK:
            continue
        if line["dir"] == "response" and frame[0]["flag"] & 1:
            answers[line["conn"], frame[0]["opaque"]] = frame
        elif line["dir"] == "request" and not frame[0]["flag"] & 1 and frame[0]["code"] in CODES:
            requests.append((line["conn"], raw, frame))
    return requests, answers


def comparable(frame: Frame, *, with_offset: bool) -> dict[str, Any]:
    """An answer without what lies in the hands of ports and clocks: the host in message ids, records themselves.

    The commitlog offset in message ids counts until the first transaction ends, as Apache's threads then race.
    """
    header, body = frame
    fields = dict(header.get("extFields") or {})
    if not with_offset:
        fields.pop("msgId", None)
    if "msgId" in fields:
        fields["msgId"] = ",".join(part[16:] for part in fields["msgId"].split(","))
    content = json.loads(body) if body[:1] == b"{" else len(body)
    return {"code": header["code"], "remark": header.get("remark"), "fields": fields, "body": content}


class Wire:
    """One connection of the session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, raw: bytes, opaque: int) -> Frame:
        self.writer.write(raw)
        while True:
            size = await asyncio.wait_for(self.reader.readexactly(4), 10)
            frame = parse(size + await self.reader.readexactly(int.from_bytes(size, "big")))
            if frame[0]["flag"] & 1 and frame[0]["opaque"] == opaque:
                return frame


def is_skipped(frame: Frame, answer: Frame | None) -> bool:
    """Pulls that were held are answered by what came later."""
    return frame[0]["code"] == 11 and (answer is None or answer[0]["code"] == 19)


def test_answers_are_those_of_apache(tmp_path: Path) -> None:
    requests, answers = recorded()
    same: Counter[int | str] = Counter()

    async def main() -> None:
        broker = new_broker(tmp_path, brokerIP1="127.0.0.2", enablePropertyFilter=True)
        await broker.start()
        wires: dict[int, Wire] = {}
        try:
            for number, raw, frame in requests:
                header = frame[0]
                answer = answers.get((number, header["opaque"]))
                if is_skipped(frame, answer):
                    continue
                if number not in wires:
                    wires[number] = Wire(*await asyncio.open_connection("127.0.0.1", broker.server_config.listenPort))
                if answer is None or header["flag"] & 2:
                    wires[number].writer.write(raw)
                    same["ended"] += header["code"] == 37
                    continue
                got = await wires[number].ask(raw, header["opaque"])
                exact = not same["ended"]
                assert comparable(got, with_offset=exact) == comparable(answer, with_offset=exact), header
                same[header["code"]] += 1
        finally:
            for wire in wires.values():
                wire.writer.close()
            await broker.stop()

    asyncio.run(main())
    assert same[310] > 380 and same[320] == 1 and same[11] >= 4 and same[36] >= 5
    assert all(same[code] for code in (14, 34, 35, 38, 41, 42)), same
