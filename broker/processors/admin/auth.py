"""Administration of users and ACLs, served while `authenticationEnabled` is on.

Mirrors AdminBrokerProcessor: a refusal is NO_PERMISSION, and only a super user makes, changes or deletes a super user.
Answers leave when the change is on the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.access.gate import AccessRefusedError
from rocketmq_ops.broker.auth.user_manager import wants_super
from rocketmq_ops.remoting.bodies import AclInfo, UserInfo
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    CreateAclRequestHeader,
    CreateUserRequestHeader,
    DeleteAclRequestHeader,
    DeleteUserRequestHeader,
    GetAclRequestHeader,
    GetUserRequestHeader,
    ListAclsRequestHeader,
    ListUsersRequestHeader,
    UpdateAclRequestHeader,
    UpdateUserRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later
from rocketmq_ops.remoting.signature import ACCESS_KEY

if TYPE_CHECKING:
    from rocketmq_ops.broker.auth.auth_evaluator import AuthEvaluator
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

_BLANK = "The username is blank"
_SUPER_CHANGED = "The super user can only be update by super user"


class AuthAdminProcessor:
    """Handlers of the codes of users and ACLs."""

    def __init__(self, controller: BrokerController, auth: AuthEvaluator) -> None:
        self._controller = controller
        self._auth = auth

    # -- users --------------------------------------------------------------------------------------------------

    def create_user(self, channel: Channel, request: RemotingCommand, header: CreateUserRequestHeader) -> Answer:
        """3001: add a user."""
        if not header.username:
            return request.reply(ResponseCode.INVALID_PARAMETER, _BLANK)
        given = _user(request, header.username)
        if wants_super(given) and not self._is_super(request):
            return request.reply(ResponseCode.SYSTEM_ERROR, "The super user can only be create by super user")
        return self._change(channel, request, lambda: self._auth.users.create(given))

    def update_user(self, channel: Channel, request: RemotingCommand, header: UpdateUserRequestHeader) -> Answer:
        """3002: change what is given of a user."""
        if not header.username:
            return request.reply(ResponseCode.INVALID_PARAMETER, _BLANK)
        given = _user(request, header.username)
        if wants_super(given) and not self._is_super(request):
            return request.reply(ResponseCode.SYSTEM_ERROR, _SUPER_CHANGED)

        def update() -> None:
            self._guard_super(request, given.username)
            self._auth.users.update(given)

        return self._change(channel, request, update)

    def delete_user(self, channel: Channel, request: RemotingCommand, header: DeleteUserRequestHeader) -> Answer:
        """3003: delete a user with its ACL; no error when there is none."""
        name = header.username or ""

        def delete() -> None:
            self._guard_super(request, name)
            self._auth.users.delete(name)
            self._auth.acls.forget(name)

        return self._change(channel, request, delete)

    def get_user(self, _channel: Channel, request: RemotingCommand, header: GetUserRequestHeader) -> Answer:
        """3004: a user with its password; no body when there is none."""
        if not (header.username or "").strip():
            return request.reply(ResponseCode.INVALID_PARAMETER, _BLANK)
        user = self._auth.users.table.get(header.username or "")
        return request.reply(body=b"" if user is None else user.info.encode())

    def list_users(self, _channel: Channel, request: RemotingCommand, header: ListUsersRequestHeader) -> Answer:
        """3005: the users whose names contain a text."""
        part = (header.filter or "").strip() and header.filter
        found = [user.info for name, user in sorted(self._auth.users.table.items()) if not part or part in name]
        return request.reply(body=_list(found))

    # -- ACLs ---------------------------------------------------------------------------------------------------

    def put_acl(
        self, channel: Channel, request: RemotingCommand, header: CreateAclRequestHeader | UpdateAclRequestHeader
    ) -> Answer:
        """3006, 3007: add entries to an ACL, or replace those of the same resource."""
        given = AclInfo.decode(request.body_bytes)
        return self._change(channel, request, lambda: self._auth.acls.put(header.subject, given))

    def delete_acl(self, channel: Channel, request: RemotingCommand, header: DeleteAclRequestHeader) -> Answer:
        """3008: delete the entry of a resource, or a whole ACL."""
        return self._change(
            channel,
            request,
            lambda: self._auth.acls.delete(header.subject, header.policy_type, header.resource),
        )

    def get_acl(self, _channel: Channel, request: RemotingCommand, header: GetAclRequestHeader) -> Answer:
        """3009: the ACL of a subject; no body when it has none."""
        try:
            found = self._auth.acls.find(header.subject)
        except AccessRefusedError as refused:
            return request.reply(refused.code, refused.remark)
        return request.reply(body=b"" if found is None else found.encode())

    def list_acls(self, _channel: Channel, request: RemotingCommand, header: ListAclsRequestHeader) -> Answer:
        """3010: the ACLs of subjects and resources that contain two texts."""
        return request.reply(body=_list(self._auth.acls.listed(header.subject_filter, header.resource_filter)))

    # -- what they have in common ---------------------------------------------------------------------------------

    def _change(self, channel: Channel, request: RemotingCommand, change: Callable[[], None]) -> Answer:
        """Make a change, and answer when it is on the disk."""
        try:
            change()
        except AccessRefusedError as refused:
            return request.reply(refused.code, refused.remark)
        by = request.ext_fields.get(ACCESS_KEY)
        log.info("users and ACLs: request %d of '%s' from %s done", request.code, by, channel.remote)
        files, auth = self._controller.files, self._auth

        async def saved() -> RemotingCommand:
            for state in (auth.users, auth.acls):
                await files.save(state)
            return request.reply()

        return answer_later(channel, request, saved())

    def _is_super(self, request: RemotingCommand) -> bool:
        """Whether the request is a super user's, or needed no signature (AdminBrokerProcessor.isNotSuperUserLogin)."""
        name = request.ext_fields.get(ACCESS_KEY)
        if not name:
            return True
        user = self._auth.users.table.get(name)
        return user is not None and user.is_super

    def _guard_super(self, request: RemotingCommand, name: str) -> None:
        """Refuse a change of a super user by another user."""
        user = self._auth.users.table.get(name)
        if user is not None and user.is_super and not self._is_super(request):
            raise AccessRefusedError(ResponseCode.NO_PERMISSION, _SUPER_CHANGED)


def install(controller: BrokerController) -> None:
    """Register the handlers, if there are users."""
    if not controller.auth_config.authenticationEnabled:
        return
    admin = AuthAdminProcessor(controller, controller.auth)
    server = controller.server
    server.serve(CreateUserRequestHeader, admin.create_user)
    server.serve(UpdateUserRequestHeader, admin.update_user)
    server.serve(DeleteUserRequestHeader, admin.delete_user)
    server.serve(GetUserRequestHeader, admin.get_user)
    server.serve(ListUsersRequestHeader, admin.list_users)
    server.serve(CreateAclRequestHeader, admin.put_acl)
    server.serve(UpdateAclRequestHeader, admin.put_acl)
    server.serve(DeleteAclRequestHeader, admin.delete_acl)
    server.serve(GetAclRequestHeader, admin.get_acl)
    server.serve(ListAclsRequestHeader, admin.list_acls)


def _user(request: RemotingCommand, name: str) -> UserInfo:
    given = UserInfo.decode(request.body_bytes)
    given.username = name
    return given


def _list(items: list[UserInfo] | list[AclInfo]) -> bytes:
    return b"[" + b",".join([item.encode() for item in items]) + b"]" if items else b""
