"""What all custom headers have in common, and the fields that request headers inherit."""

from __future__ import annotations

import msgspec

from ..command import Bool


class CustomHeader(msgspec.Struct, kw_only=True, gc=False, rename="camel"):
    """A custom header: fields without a default are required, as Apache's CFNotNull; None is not sent."""


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
