"""Whether a request comes from the user that it names, and may do what it asks for.

An unknown user is answered as a wrong signature is, and that a user is disabled learns only who has the password. Where
a request code needs no signature (`authenticationWhitelist`) but permissions, the name in the request counts for
nothing unless it is signed. Mirrors AuthenticationPipeline, DefaultAuthenticationHandler, AuthorizationPipeline and
UserAuthorizationHandler, whose refusals are NO_PERMISSION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.broker.access.facts import Facts, NoMessageThereError
from rocketmq_ops.broker.access.gate import AccessRefusedError
from rocketmq_ops.broker.access.signatures import Signatures
from rocketmq_ops.broker.acl.remote_address_strategy import host_of
from rocketmq_ops.broker.auth.acl import refused
from rocketmq_ops.broker.auth.acl_manager import AclManager
from rocketmq_ops.broker.auth.audit_log import AuditLog
from rocketmq_ops.broker.auth.authorization_contexts import Context, contexts, sending
from rocketmq_ops.broker.auth.config import codes
from rocketmq_ops.broker.auth.user_manager import User, UserManager
from rocketmq_ops.broker.client.client_channel import ACCOUNT
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError
from rocketmq_ops.remoting.signature import ACCESS_KEY, V4_9_3

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: What was allowed is remembered so many times.
_MOST_ALLOWED: Final = 10_000
_DENIED: Final = "Authorization failed. Please verify your access rights and try again."


class AuthEvaluator:
    """The users and ACLs of a broker, and the check of its requests."""

    def __init__(self, controller: BrokerController, signatures: Signatures) -> None:
        config = controller.auth_config
        self.users = UserManager(controller)
        self.acls = AclManager(controller, self.users)
        self._controller = controller
        self._signatures = signatures
        self._facts = Facts(controller)
        self._authorizes = config.authorizationEnabled
        self._unsigned = codes(config.authenticationWhitelist)
        self._free = codes(config.authorizationWhitelist)
        self._allowed: Bounded[tuple[str, str, Context], bool] = Bounded(_MOST_ALLOWED)
        self._generation = 0
        self._audit = AuditLog(has_files=bool(controller.config.logDir))

    def load(self) -> None:
        """Read what is stored, and make the users of the configuration. Raises RocketMQError."""
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    def _load(self) -> None:
        self.users.load()
        self.acls.load()
        config = self._controller.auth_config
        for account in (config.init_user(), config.inner_credentials()):
            if account is not None:
                self.users.add_super(*account)
        if config.migrateAuthFromV1Enabled:
            from rocketmq_ops.broker.acl.plain_permission_manager import open_accounts
            from rocketmq_ops.broker.auth.auth_migrator import migrate

            home = self._controller.config.rocketmqHome
            migrate(open_accounts(home, self._signatures, "migrateAuthFromV1Enabled").accounts, self.users, self.acls)
        self.persist()

    def persist(self) -> None:
        """Write what changed. Raises RocketMQError."""
        self.users.persist()
        self.acls.persist()

    def close(self) -> None:
        """Let go of what is stored, at the broker's end."""
        self.users.close()
        self.acls.close()

    def check(self, channel: Channel, request: RemotingCommand) -> None:
        """Raises AccessRefusedError for a request that must not be acted on."""
        user = self._authenticate(channel, request)
        if self._authorizes and request.code not in self._free:
            self._authorize(channel, request, user)

    def _authenticate(self, channel: Channel, request: RemotingCommand) -> User | None:
        """The user who has signed; None where nobody has and nobody has to."""
        name = request.ext_fields.get(ACCESS_KEY)
        must = request.code not in self._unsigned
        if not name:
            if must:
                raise refused("username cannot be null.")
            return None
        user, refusal = self._signer(channel, request, name)
        if user is None and not must:
            return None
        self._audit.authentication(name, host_of(channel.remote), request.code, refused=refusal is not None)
        if refusal is not None:
            raise refusal
        return user

    def _signer(
        self, channel: Channel, request: RemotingCommand, name: str
    ) -> tuple[User | None, AccessRefusedError | None]:
        """The user who has signed, None where nobody has, and why who is named is not let in."""
        user = self.users.table.get(name)
        key = None if user is None else user.key
        held = self._signatures.hold(channel, request, name, key, unique_key_query=request.version > V4_9_3)
        if user is None or not held:
            return None, refused("check signature failed.")
        return user, refused(f"User:{name} is disabled.") if user.is_disabled else None

    def _authorize(self, channel: Channel, request: RemotingCommand, user: User | None) -> None:
        if user is not None and user.is_super:
            return
        try:
            wanted = list(contexts(request, self._facts))
        except RemotingProtocolError:
            raise refused("parse authorization context error.") from None
        except NoMessageThereError as error:
            raise refused(str(error)) from None
        if not wanted:
            return
        if user is None:
            raise refused(_DENIED)
        if self._generation != self.acls.generation:
            self._allowed.clear()
            self._generation = self.acls.generation
        name, host = user.info.username, host_of(channel.remote)
        for context in wanted:
            if (name, host, context) not in self._allowed:
                try:
                    self._decide(name, host, context)
                except AccessRefusedError:
                    self._audit.authorization(name, host, request.code, [context], refused=True)
                    raise
                self._allowed[name, host, context] = True
        self._audit.authorization(name, host, request.code, wanted, refused=False)

    def may_send(self, channel: Channel, topic: str) -> bool:
        """Whether who has signed last on a connection may send to a topic."""
        if not self._authorizes or RequestCode.SEND_MESSAGE_V2 in self._free:
            return True
        user = self.users.table.get(channel.attrs.get(ACCOUNT, ""))
        if user is None or user.is_disabled or user.is_super:
            return user is not None and not user.is_disabled
        return self._verdict(user.info.username, host_of(channel.remote), sending(topic)) is None

    def _verdict(self, name: str, host: str, context: Context) -> str | None:
        """Why a user may not, None when he may."""
        acl = self.acls.of_user(name)
        return "no matched policies." if acl is None else acl.verdict(*context, host)

    def _decide(self, name: str, host: str, context: Context) -> None:
        verdict = self._verdict(name, host, context)
        if verdict is not None:
            resource = f"{context.kind}:{context.name or ''}"
            raise refused(f"User:{name} has no permission to access {resource} from {host}, {verdict}")
