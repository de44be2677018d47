"""Headers. Users and ACLs of 5.x."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(RequestCode.AUTH_CREATE_USER)
class CreateUserRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_CREATE_USER (3001)."""

    username: str | None = None


@of_request(RequestCode.AUTH_UPDATE_USER)
class UpdateUserRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_UPDATE_USER (3002)."""

    username: str | None = None


@of_request(RequestCode.AUTH_DELETE_USER)
class DeleteUserRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_DELETE_USER (3003)."""

    username: str | None = None


@of_request(RequestCode.AUTH_GET_USER)
class GetUserRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_GET_USER (3004)."""

    username: str | None = None


@of_request(RequestCode.AUTH_LIST_USER)
class ListUsersRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_LIST_USER (3005)."""

    filter: str | None = None


@of_request(RequestCode.AUTH_CREATE_ACL)
class CreateAclRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_CREATE_ACL (3006)."""

    subject: str | None = None


@of_request(RequestCode.AUTH_UPDATE_ACL)
class UpdateAclRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_UPDATE_ACL (3007)."""

    subject: str | None = None


@of_request(RequestCode.AUTH_DELETE_ACL)
class DeleteAclRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_DELETE_ACL (3008)."""

    subject: str | None = None
    policy_type: str | None = None
    resource: str | None = None


@of_request(RequestCode.AUTH_GET_ACL)
class GetAclRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_GET_ACL (3009)."""

    subject: str | None = None


@of_request(RequestCode.AUTH_LIST_ACL)
class ListAclsRequestHeader(CustomHeader, kw_only=True):
    """Request AUTH_LIST_ACL (3010)."""

    subject_filter: str | None = None
    resource_filter: str | None = None
