"""Headers. ACLs by access key, of brokers before 5.3.3: declared for admin calls."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import LegacyRequestCode
from rocketmq_ops.remoting.command import Bool
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(LegacyRequestCode.UPDATE_AND_CREATE_ACL_CONFIG)
class CreateAccessConfigRequestHeader(CustomHeader, kw_only=True):
    """Request UPDATE_AND_CREATE_ACL_CONFIG (50)."""

    access_key: str
    secret_key: str | None = None
    white_remote_address: str | None = None
    admin: Bool = False
    default_topic_perm: str | None = None
    default_group_perm: str | None = None
    topic_perms: str | None = None
    group_perms: str | None = None


@of_request(LegacyRequestCode.DELETE_ACL_CONFIG)
class DeleteAccessConfigRequestHeader(CustomHeader, kw_only=True):
    """Request DELETE_ACL_CONFIG (51)."""

    access_key: str


@of_request(LegacyRequestCode.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG)
class UpdateGlobalWhiteAddrsConfigRequestHeader(CustomHeader, kw_only=True):
    """Request UPDATE_GLOBAL_WHITE_ADDRS_CONFIG (53)."""

    global_white_addrs: str
    acl_file_full_path: str


class GetBrokerAclConfigResponseHeader(CustomHeader, kw_only=True):
    """Answer to GET_BROKER_CLUSTER_ACL_INFO (52)."""

    version: str
    all_acl_file_version: str | None = None
    broker_name: str
    broker_addr: str
    cluster_name: str
