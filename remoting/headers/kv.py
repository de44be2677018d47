"""Headers. The name server's key-value configuration."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(RequestCode.PUT_KV_CONFIG)
class PutKVConfigRequestHeader(CustomHeader, kw_only=True):
    """Request PUT_KV_CONFIG (100)."""

    namespace: str
    key: str
    value: str


@of_request(RequestCode.GET_KV_CONFIG)
class GetKVConfigRequestHeader(CustomHeader, kw_only=True):
    """Request GET_KV_CONFIG (101)."""

    namespace: str
    key: str


class GetKVConfigResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetKVConfig."""

    value: str | None = None


@of_request(RequestCode.DELETE_KV_CONFIG)
class DeleteKVConfigRequestHeader(CustomHeader, kw_only=True):
    """Request DELETE_KV_CONFIG (102)."""

    namespace: str
    key: str


@of_request(RequestCode.GET_KVLIST_BY_NAMESPACE)
class GetKVListByNamespaceRequestHeader(CustomHeader, kw_only=True):
    """Request GET_KVLIST_BY_NAMESPACE (219)."""

    namespace: str
