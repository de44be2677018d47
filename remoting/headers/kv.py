"""Headers. The name server's key-value configuration."""

from __future__ import annotations

from .base import CustomHeader


class PutKVConfigRequestHeader(CustomHeader, kw_only=True):
    """Request PUT_KV_CONFIG (100)."""

    namespace: str
    key: str
    value: str


class GetKVConfigRequestHeader(CustomHeader, kw_only=True):
    """Request GET_KV_CONFIG (101)."""

    namespace: str
    key: str


class GetKVConfigResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetKVConfig."""

    value: str | None = None


class DeleteKVConfigRequestHeader(CustomHeader, kw_only=True):
    """Request DELETE_KV_CONFIG (102)."""

    namespace: str
    key: str


class GetKVListByNamespaceRequestHeader(CustomHeader, kw_only=True):
    """Request GET_KVLIST_BY_NAMESPACE (219)."""

    namespace: str
