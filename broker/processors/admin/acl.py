"""Administration of the accounts of `aclEnable=true`: requests of 4.x, which are served only while it is on.

Mirrors AdminBrokerProcessor of 4.9.7. `broker/acl/` refuses all of these to who is no administrator.
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.bodies import GetBrokerClusterAclConfigResponseBody, PlainAccessConfig
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import LegacyRequestCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    CreateAccessConfigRequestHeader,
    DeleteAccessConfigRequestHeader,
    GetBrokerAclConfigResponseHeader,
    UpdateGlobalWhiteAddrsConfigRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.acl.plain_permission_manager import PlainPermissionManager
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Codes of 4.9's answers; later versions have given these numbers to other things.
UPDATE_FAILED, DELETE_FAILED, WHITE_ADDRESSES_FAILED = 209, 210, 211


class AclAdminProcessor:
    """Handlers of the account codes."""

    def __init__(self, controller: BrokerController, accounts: PlainPermissionManager) -> None:
        self._controller = controller
        self._accounts = accounts

    def put(self, channel: Channel, request: RemotingCommand, header: CreateAccessConfigRequestHeader) -> Answer:
        """50: create or change an account."""
        account = PlainAccessConfig(
            access_key=header.access_key,
            secret_key=header.secret_key,
            white_remote_address=header.white_remote_address,
            admin=bool(header.admin),
            default_topic_perm=header.default_topic_perm,
            default_group_perm=header.default_group_perm,
            topic_perms=_items(header.topic_perms),
            group_perms=_items(header.group_perms),
        )
        log.info("account '%s' is put by %s", header.access_key, channel.remote)
        change = _refusing(request, self._accounts.put_account(account), UPDATE_FAILED, "")
        return answer_later(channel, request, change)

    def delete(self, channel: Channel, request: RemotingCommand, header: DeleteAccessConfigRequestHeader) -> Answer:
        """51: delete an account."""
        log.info("account '%s' is deleted by %s", header.access_key, channel.remote)
        remark = f"The accesskey[{header.access_key}] corresponding to accessConfig has been deleted failed."
        change = _refusing(request, self._accounts.delete_account(header.access_key), DELETE_FAILED, remark)
        return answer_later(channel, request, change)

    def put_white_addresses(
        self, channel: Channel, request: RemotingCommand, header: UpdateGlobalWhiteAddrsConfigRequestHeader
    ) -> Answer:
        """53: replace the addresses that need no account."""
        log.info("the white list is put by %s: %s", channel.remote, header.global_white_addrs)
        remark = f"The globalWhiteAddresses[{header.global_white_addrs}] has been updated failed."
        patterns = _items(header.global_white_addrs) or []
        work = self._accounts.put_white_addresses(patterns, header.acl_file_full_path)
        return answer_later(channel, request, _refusing(request, work, WHITE_ADDRESSES_FAILED, remark))

    def versions(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """52: who the broker is, and how often each of its files was changed."""
        versions = {
            path: {"counter": counter, "timestamp": timestamp}
            for path, (counter, timestamp) in self._accounts.versions.items()
        }
        default = versions.get(self._accounts.default_file, {"counter": 0, "timestamp": 0})
        header = GetBrokerAclConfigResponseHeader(
            version=_json(default),
            all_acl_file_version=_json(versions),
            broker_name=self._controller.config.brokerName,
            broker_addr=self._controller.address,
            cluster_name=self._controller.config.brokerClusterName,
        )
        return request.reply(header=header)

    def config(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """54: every account with its secret key, and the addresses that need none."""
        body = GetBrokerClusterAclConfigResponseBody(
            global_white_addrs=self._accounts.white_addresses, plain_access_configs=self._accounts.accounts
        )
        return request.reply(body=body.encode())


def install(controller: BrokerController) -> None:
    """Register the handlers, if there are accounts."""
    if not controller.config.aclEnable:
        return
    admin = AclAdminProcessor(controller, controller.accounts)
    server = controller.server
    server.serve(CreateAccessConfigRequestHeader, admin.put)
    server.serve(DeleteAccessConfigRequestHeader, admin.delete)
    server.serve(UpdateGlobalWhiteAddrsConfigRequestHeader, admin.put_white_addresses)
    server.register(LegacyRequestCode.GET_BROKER_CLUSTER_ACL_INFO, None, admin.versions)
    server.register(LegacyRequestCode.GET_BROKER_CLUSTER_ACL_CONFIG, None, admin.config)


async def _refusing(
    request: RemotingCommand, work: Coroutine[Any, Any, object], code: int, remark: str
) -> RemotingCommand:
    """The answer when `work` is done; its error, or that it returned False, is a refusal with `code`."""
    try:
        done = await work
    except RocketMQError as error:
        return request.reply(code, f"{error}; {error.next_step}" if error.next_step else str(error))
    return request.reply(code, remark) if done is False else request.reply()


def _items(text: str | None) -> list[str] | None:
    """The entries of a list that is sent as text, None when none was sent (UtilAll.split)."""
    return None if text is None else [item for item in text.split(",") if item]


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
