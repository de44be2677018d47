"""What all custom headers have in common, and the fields that request headers inherit."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec

from rocketmq_ops.remoting.codes import LegacyRequestCode, RequestCode
from rocketmq_ops.remoting.command import Bool


class CustomHeader(msgspec.Struct, kw_only=True, gc=False, rename="camel"):
    """A custom header: fields without a default are required, as Apache's CFNotNull; None is not sent.

    `codes`: the requests that carry it, the usual one first; none for the header of an answer. See `of_request`.
    """

    codes: ClassVar[tuple[RequestCode | LegacyRequestCode, ...]] = ()


H = TypeVar("H", bound=CustomHeader)


def of_request(*codes: RequestCode | LegacyRequestCode) -> Callable[[type[H]], type[H]]:
    """Declares the requests that a header class belongs to; msgspec takes no keyword of ours in the class statement."""

    def declare(cls: type[H]) -> type[H]:
        cls.codes = codes
        return cls

    return declare


class RpcRequestHeader(CustomHeader, kw_only=True):
    """Fields of Apache's static topics and proxies; every request may carry them."""

    ns: str | None = None
    nsd: Bool | None = None
    bname: str | None = None
    oway: Bool | None = None


class TopicRequestHeader(RpcRequestHeader, kw_only=True):
    """A request about one topic; `lo` marks a logical (static) topic."""

    lo: Bool | None = None


class TopicQueueRequestHeader(TopicRequestHeader, kw_only=True):
    """A request about one queue."""
