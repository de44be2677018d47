"""From a decoded request to its handler's answer: the table of handlers a server or client has registered.

Handlers are plain functions `(channel, request, header) -> Answer`; they never await.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.remoting.answer_frame import LATER
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode, request_code_name
from rocketmq_ops.remoting.command import HELD, ONEWAY_FLAG, Answer, RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError
from rocketmq_ops.remoting.frame_codec import TypedDecoders, add_typed_decoder

if TYPE_CHECKING:
    from rocketmq_ops.remoting.channel import Channel
    from rocketmq_ops.remoting.headers.base import CustomHeader

    H = TypeVar("H", bound=CustomHeader | None)
    R = TypeVar("R", bound=CustomHeader)
    Handler = Callable[[Channel, RemotingCommand, H], Answer]
    AnswerTo = Callable[[Channel, RemotingCommand], RemotingCommand | bytes | None]

log = logging.getLogger(__name__)

_SYSTEM_ERROR = int(ResponseCode.SYSTEM_ERROR)
_NOT_SUPPORTED = int(ResponseCode.REQUEST_CODE_NOT_SUPPORTED)


class RequestHandlers:
    """Handlers by request code, and the typed decoders of their headers."""

    def __init__(self) -> None:
        self._handlers: dict[int, tuple[Handler[Any], type[CustomHeader] | None]] = {}
        self.typed_decoders: TypedDecoders = {}
        self._refusals: dict[int, LogRate] = {}
        self.default_handler: Handler[None] | None = None
        self.handler_failures = 0
        #: Called for requests that have waited for their turn: with the ms that they have, and what answers others.
        self.overdue: Callable[[int, AnswerTo, Channel, RemotingCommand], RemotingCommand | bytes | None] | None = None
        #: Asked first when set; an answer from it is sent instead of calling the handler.
        self.before: Callable[[Channel, RemotingCommand], RemotingCommand | None] | None = None

    def serve(self, header_cls: type[R], handler: Handler[R], *codes: RequestCode) -> None:
        """Serve the requests that a header class declares (`of_request`) with `handler`, or only those of `codes`."""
        for code in codes or header_cls.codes:
            assert code in header_cls.codes, f"{header_cls.__name__} is not the header of {code!r}"
            self.register(code, header_cls, handler)

    @overload
    def register(self, code: int, header_cls: None, handler: Handler[None]) -> None: ...

    @overload
    def register(self, code: int, header_cls: type[R], handler: Handler[R]) -> None: ...

    def register(self, code: int, header_cls: type[CustomHeader] | None, handler: Handler[Any]) -> None:
        """Serve requests of `code` with `handler`; its third argument is the typed header, or None without a class."""
        code = int(code)
        self._handlers[code] = (handler, header_cls)
        if header_cls is not None:
            add_typed_decoder(self.typed_decoders, code, header_cls)

    def registered_codes(self) -> frozenset[int]:
        """The codes that have a handler of their own."""
        return frozenset(self._handlers)

    def module_of(self, code: int) -> str | None:
        """The module that the handler of a code is defined in; None for an unregistered code."""
        entry = self._handlers.get(code)
        return None if entry is None else entry[0].__module__

    def answer_to(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | bytes | None:
        """The answer to send now; LATER when the handler holds it, None when there is none (oneway, nothing to say)."""
        response: Answer
        try:
            if self.before is not None and (refusal := self.before(channel, request)) is not None:
                return None if request.flag & ONEWAY_FLAG else refusal
            entry = self._handlers.get(request.code)
            if entry is None:
                return self._unregistered(channel, request)
            handler, header_cls = entry
            header = request.header
            if header_cls is not None and type(header) is not header_cls:
                header = request.header = request.decode_header(header_cls)
            response = handler(channel, request, header)
        except RemotingProtocolError as error:
            self._log_refusal(channel, request, error)
            response = request.reply(_SYSTEM_ERROR, f"{error}; {error.next_step}")
        except Exception as error:
            self.handler_failures += 1
            log.exception("handler of request %s from %s failed", request.code, channel.remote)
            response = request.reply(_SYSTEM_ERROR, f"{type(error).__name__}: {error}")
        if response is None or request.flag & ONEWAY_FLAG:
            return None
        return LATER if response is HELD else response

    def _log_refusal(self, channel: Channel, request: RemotingCommand, error: RemotingProtocolError) -> None:
        """A line in the log, once in a while for each code: many clients pass over the answer to a heartbeat."""
        rate = self._refusals.get(request.code)
        if rate is None:
            rate = self._refusals[request.code] = LogRate()
        if rate.due(time.monotonic_ns() // 1_000_000):
            more = f" ({rate.missed} more like it were not logged)" if rate.missed else ""
            name = request_code_name(request.code)
            log.warning("%s from %s (%s) refused: %s%s", name, channel.remote, request.language, error, more)

    def _unregistered(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | bytes | None:
        response: Answer
        if self.default_handler is not None:
            response = self.default_handler(channel, request, None)
        else:
            response = request.reply(_NOT_SUPPORTED, f"request type {request.code} not supported")
        if request.flag & ONEWAY_FLAG:
            return None
        return LATER if response is HELD else response
