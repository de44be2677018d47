"""ACLs by access key (plain_acl.yml), of brokers before 5.3.3. Secret keys leave this module in no result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import ChangeReport, Fields, Value, change_each
from rocketmq_ops.client.api import plain_acls as api
from rocketmq_ops.client.errors import FeatureOffError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.remoting.errors import RemotingTimeoutError

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies.plain_acl import PlainAccessConfig

T = TypeVar("T")
_HIDDEN = frozenset({"secretKey"})


class AccountSettings(msgspec.Struct, kw_only=True):
    """The settings of an account to change; None keeps what is there (of a new account: what the broker takes)."""

    secret_key: str | None = None
    admin: bool | None = None
    white_remote_address: str | None = None
    default_topic_perm: str | None = None
    default_group_perm: str | None = None
    topic_perms: list[str] | None = None
    group_perms: list[str] | None = None

    def __repr__(self) -> str:
        return "AccountSettings(...)"


class Account(msgspec.Struct, rename="camel"):
    """One account on one broker. Permissions are `DENY`, `PUB`, `SUB` or `PUB|SUB`, single ones `name=PUB`."""

    broker: str
    access_key: str
    has_secret_key: bool
    admin: bool
    white_remote_address: str | None
    default_topic_perm: str | None
    default_group_perm: str | None
    topic_perms: list[str]
    group_perms: list[str]


class AclFileVersion(msgspec.Struct, rename="camel"):
    """One ACL file of one broker; `timestamp` in ms since 1970."""

    cluster: str
    broker_name: str
    broker: str
    file: str
    counter: int | None
    timestamp: int | None


class AclVersionReport(msgspec.Struct, rename="camel"):
    """The ACL files of several brokers, and which did not answer."""

    files: list[AclFileVersion]
    failures: list[Failure] = []


class BrokerAcl(msgspec.Struct, rename="camel"):
    """The ACL of one broker; `global_white_addresses` need no signature."""

    broker: str
    global_white_addresses: list[str]
    accounts: list[Account]


class PlainAclReport(msgspec.Struct, rename="camel"):
    """The ACLs of several brokers, and which did not answer."""

    brokers: list[BrokerAcl]
    failures: list[Failure] = []


class PlainAclAdmin:
    """Calls about ACLs by access key. Mirrors createAndUpdatePlainAccessConfig and its relatives of 4.9."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def configs(self, brokers: Sequence[BrokerAddress]) -> PlainAclReport:
        """The ACL of each broker. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: self._ask(b.address, api.acl_config))
        fan.require_some("reading the ACLs")
        found = [
            BrokerAcl(b.address, body.global_white_addrs, [_account(b.address, a) for a in body.plain_access_configs])
            for b, body in fan.answers.items()
        ]
        return PlainAclReport(found, fan.failures)

    async def versions(self, brokers: Sequence[BrokerAddress]) -> AclVersionReport:
        """The ACL files of each broker with their versions. Raises AllFailedError when none answers."""
        fan = await self._admin.fan_out(brokers, lambda b: self._ask(b.address, api.acl_versions))
        fan.require_some("reading the versions of the ACLs")
        files = [
            AclFileVersion(
                h.cluster_name, h.broker_name, b.address, file, _number(v, "counter"), _number(v, "timestamp")
            )
            for b, h in fan.answers.items()
            for file, v in sorted((_table(h.all_acl_file_version) or {"": _table(h.version)}).items())
        ]
        return AclVersionReport(files, fan.failures)

    async def put(
        self, brokers: Sequence[BrokerAddress], access_key: str, settings: AccountSettings, *, plan: bool
    ) -> ChangeReport:
        """Create or change an account on each broker; what is not given stays, `admin` too, which Java's resets."""
        from rocketmq_ops.remoting.headers.plain_acl import CreateAccessConfigRequestHeader

        def wanted(address: str, before: Fields) -> dict[str, Value]:
            return {"admin": False, **(before or {}), **_given(settings)}

        async def send(address: str, before: Fields) -> None:
            header = CreateAccessConfigRequestHeader(
                access_key=access_key,
                secret_key=settings.secret_key,
                white_remote_address=settings.white_remote_address,
                admin=bool(wanted(address, before)["admin"]),
                default_topic_perm=settings.default_topic_perm,
                default_group_perm=settings.default_group_perm,
                topic_perms=None if settings.topic_perms is None else ",".join(settings.topic_perms),
                group_perms=None if settings.group_perms is None else ",".join(settings.group_perms),
            )
            await api.put_account(self._admin.session, address, header)

        return await change_each(
            self._admin,
            brokers,
            "account",
            access_key,
            doing=f"changing the account {access_key}",
            read=lambda address: self._fields(address, access_key),
            wanted=wanted,
            send=send,
            plan=plan,
            hidden=_HIDDEN,
        )

    async def delete(self, brokers: Sequence[BrokerAddress], access_key: str, *, plan: bool) -> ChangeReport:
        """Delete an account from each broker."""
        return await change_each(
            self._admin,
            brokers,
            "account",
            access_key,
            doing=f"deleting the account {access_key}",
            read=lambda address: self._fields(address, access_key),
            wanted=lambda address, before: None,
            send=lambda address, before: api.delete_account(self._admin.session, address, access_key),
            plan=plan,
            hidden=_HIDDEN,
        )

    async def put_white_addresses(
        self, brokers: Sequence[BrokerAddress], addresses: Sequence[str], file: str | None, *, plan: bool
    ) -> ChangeReport:
        """Set the addresses that need no signature on each broker, in its default ACL file or the named one.

        A broker shows the addresses of all its files together: with several files those of the others stay in it.
        """

        #: Those whose addresses are all of one file, so that they are replaced.
        one_file: set[str] = set()

        async def read(address: str) -> Fields:
            versions = await self._ask(address, api.acl_versions)
            if len(_table(versions.all_acl_file_version)) <= 1:
                one_file.add(address)
            return dict.fromkeys((await self._ask(address, api.acl_config)).global_white_addrs, True)

        def wanted(address: str, before: Fields) -> Fields:
            return {**({} if address in one_file else before or {}), **dict.fromkeys(addresses, True)}

        return await change_each(
            self._admin,
            brokers,
            "globalWhiteAddresses",
            file or "",
            doing="changing the global white addresses",
            read=read,
            wanted=wanted,
            send=lambda address, before: api.put_white_addresses(
                self._admin.session, address, ",".join(addresses), file or ""
            ),
            plan=plan,
        )

    async def _fields(self, address: str, access_key: str) -> Fields:
        accounts = (await self._ask(address, api.acl_config)).plain_access_configs
        found = next((account for account in accounts if account.access_key == access_key), None)
        if found is None:
            return None
        return _given(
            AccountSettings(
                secret_key=found.secret_key,
                admin=found.admin,
                white_remote_address=found.white_remote_address,
                default_topic_perm=found.default_topic_perm,
                default_group_perm=found.default_group_perm,
                topic_perms=found.topic_perms,
                group_perms=found.group_perms,
            )
        )

    async def _ask(self, address: str, call: Callable[..., Awaitable[T]]) -> T:
        """What a call answers. A broker whose ACLs are off gives no answer at all: then its configuration says so."""
        try:
            return await call(self._admin.session, address)
        except RemotingTimeoutError:
            config = await self._admin.configs.broker_config(address)
            if config.get("aclEnable") != "false":
                raise
            raise FeatureOffError(
                f"ACLs by access key are off on {address} (aclEnable=false)",
                "set aclEnable=true in its configuration file, and start it again",
            ) from None


def _given(settings: AccountSettings) -> dict[str, Value]:
    fields: dict[str, Value] = {
        "admin": settings.admin,
        "whiteRemoteAddress": settings.white_remote_address,
        "defaultTopicPerm": settings.default_topic_perm,
        "defaultGroupPerm": settings.default_group_perm,
        "topicPerms": None if settings.topic_perms is None else ",".join(settings.topic_perms),
        "groupPerms": None if settings.group_perms is None else ",".join(settings.group_perms),
        "secretKey": settings.secret_key,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _account(broker: str, account: PlainAccessConfig) -> Account:
    return Account(
        broker,
        account.access_key,
        bool(account.secret_key),
        account.admin,
        account.white_remote_address,
        account.default_topic_perm,
        account.default_group_perm,
        account.topic_perms or [],
        account.group_perms or [],
    )


def _table(text: str | None) -> dict[str, object]:
    """A JSON object in a header field; {} for none or something else."""
    try:
        found = loads(text.encode()) if text else {}
    except RocketMQError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(version: object, name: str) -> int | None:
    value = version.get(name) if isinstance(version, dict) else None
    return value if isinstance(value, int) else None
