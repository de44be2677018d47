"""Transports for tests: one that answers from the recorded session, one that answers by functions."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Callable

import msgspec

from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingTimeoutError
from rocketmq_ops.remoting.frame_codec import FrameDecoder, encode
from tests.golden_data import GOLDEN, session_frames

NAMESRV = "127.0.0.2:23876"
BROKER = "127.0.0.2:23976"
_SKIPPED = {"AccessKey", "Signature", "ReqT", "bname", "lo", "committed", "suspendTimeoutMillis", "maxMsgBytes"}


def decode_frame(frame: bytes) -> RemotingCommand:
    """The command of one whole frame."""
    (command,) = FrameDecoder().feed(frame)
    return command


def round_trip(command: RemotingCommand) -> RemotingCommand:
    """The command as a peer would see it: every header field as text."""
    return decode_frame(b"".join(bytes(part) for part in encode(command)))


def key_of(command: RemotingCommand) -> tuple[int, frozenset[tuple[str, str]]]:
    """What makes two requests the same: the code and the fields that matter to the answer."""
    fields = {name: value for name, value in command.ext_fields.items() if name not in _SKIPPED}
    return int(command.code), frozenset(fields.items())


@functools.cache
def recorded_commands() -> list[tuple[str, int, int]]:
    """(command line, first frame, frame after the last) of each recorded mqadmin command."""
    with gzip.open(GOLDEN / "session" / "commands.jsonl.gz", "rt") as lines:
        rows = [msgspec.json.decode(line) for line in lines]
    return [(row["cmd"], row["from"], row["to"]) for row in rows]


@functools.cache
def apache_output() -> dict[str, str]:
    """What Apache's mqadmin printed, by command line."""
    with gzip.open(GOLDEN / "session" / "mqadmin-output.txt.gz", "rt", encoding="utf-8") as file:
        parts = file.read().split("$ mqadmin ")[1:]
    printed = {}
    for part in parts:
        line, _, text = part.partition("\n")
        printed[line] = text.replace("[done]\n", "").replace("[done]", "")
    return printed


Handler = Callable[[RemotingCommand], RemotingCommand]


class ReplayTransport:
    """Answers each request as it was answered in the recorded session; answers of the given command line go first."""

    def __init__(self, command_line: str, also: dict[int, Handler] | None = None) -> None:
        """`also`: answers by request code, for what Apache's command does not ask."""
        self._also = also or {}
        self.sent: list[tuple[str, RemotingCommand]] = []
        self._answers: dict[tuple[str, int, frozenset[tuple[str, str]]], RemotingCommand] = {}
        start, end = next((a, b) for line, a, b in recorded_commands() if line == command_line)
        self.recorded = self._pairs(start, end)
        for address, request, answer in [*self._pairs(0, len(session_frames())), *self.recorded]:
            self._answers[(address, *key_of(request))] = answer

    @staticmethod
    def _pairs(start: int, end: int) -> list[tuple[str, RemotingCommand, RemotingCommand]]:
        waiting: dict[tuple[int, int], tuple[str, RemotingCommand]] = {}
        pairs = []
        for frame in session_frames()[start:end]:
            command = decode_frame(bytes.fromhex(frame["hex"]))
            at = (frame["conn"], command.opaque)
            if frame["dir"] == "request" and not command.is_response:
                waiting[at] = (f"127.0.0.2:{frame['link']}", command)
            elif at in waiting:
                pairs.append((*waiting.pop(at), command))
        return pairs

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        seen = round_trip(command)
        self.sent.append((addr, seen))
        answer = self._answers.get((addr, *key_of(seen)))
        if answer is None and command.code in self._also:
            return self._also[command.code](seen)
        if answer is None:
            raise AssertionError(f"the session has no answer for {addr} {command.code} {seen.ext_fields}")
        return answer

    def peer_certificate(self, addr: str) -> bytes | None:
        return None

    async def close(self) -> None:
        pass


class FakeTransport:
    """Answers by functions: `on(address, code, handler)`. An address without any refuses connections.

    Those in `silent` take a request and answer nothing: its time is over at once.
    """

    def __init__(self) -> None:
        self.handlers: dict[tuple[str, int], Handler] = {}
        self.sent: list[tuple[str, RemotingCommand]] = []
        self.silent: set[str] = set()
        self.closed = False

    def on(self, address: str, code: int, handler: Handler) -> None:
        self.handlers[(address, int(code))] = handler

    def codes(self, address: str | None = None) -> list[int]:
        """Codes of the requests sent, to one address or to all."""
        return [int(command.code) for addr, command in self.sent if address in (None, addr)]

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        seen = round_trip(command)
        self.sent.append((addr, seen))
        if addr in self.silent:
            raise RemotingTimeoutError(f"{addr} did not answer within {timeout_ms} ms", address=addr)
        if not any(address == addr for address, _ in self.handlers):
            raise RemotingConnectError(f"cannot connect to {addr}: connection refused", address=addr)
        handler = self.handlers.get((addr, int(command.code)))
        if handler is None:
            return round_trip(seen.reply(3, f"request type {command.code} not supported"))
        return round_trip(handler(seen))

    def peer_certificate(self, addr: str) -> bytes | None:
        return None

    async def close(self) -> None:
        self.closed = True
