"""A broker with users and ACLs: who is let in, what a user may do, and how users and ACLs change and last."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.auth import audit_log
from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.remoting.bodies import AclInfo, HeartbeatData, PolicyEntryInfo, PolicyInfo, UserInfo
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig
from rocketmq_ops.remoting.signature import AclSigner
from tests.broker.signing_client import SECRET, SigningClient, create_topic, replies_need_rights
from tests.broker.support import Session, consumer, new_broker, pull_fields, run_with, send_fields

ROOT = "root"
FORGED = "check signature failed."


class Client(SigningClient):
    """Requests of one user."""

    async def ask(self, code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> tuple[int, str]:
        answer = await self(code, fields, body)
        return answer.code, answer.remark or ""

    async def create_user(self, name: str, **fields: str) -> tuple[int, str]:
        body = json.dumps({"password": SECRET, **fields}).encode()
        return await self.ask(RequestCode.AUTH_CREATE_USER, {"username": name}, body)

    async def allow(self, name: str, resource: str, actions: str, decision: str = "Allow", ip: str = "") -> None:
        rule = PolicyEntryInfo(
            resource=resource, actions=actions.split(","), decision=decision, source_ips=[ip] if ip else []
        )
        info = AclInfo(subject=f"User:{name}", policies=[PolicyInfo(policy_type="Custom", entries=[rule])])
        assert await self.ask(RequestCode.AUTH_CREATE_ACL, {"subject": info.subject}, info.encode()) == (0, "")


def broker_with(root: Path, **keys: Any) -> BrokerController:
    plain = new_broker(root)
    auth = AuthConfig(
        **{
            "authenticationEnabled": True,
            "authorizationEnabled": True,
            "initAuthenticationUser": json.dumps({"username": ROOT, "password": SECRET}),
        }
        | keys
    )
    return BrokerController(plain.config, plain.store_config, plain.server_config, plain.client_config, auth)


def with_users(root: Path, test: Callable[[Session], Awaitable[None]], **keys: Any) -> None:
    run_with(broker_with(root, **keys), test)


def test_who_has_not_signed_rightly_is_refused_alike(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        root = Client(session, ROOT)
        send = (RequestCode.SEND_MESSAGE_V2, send_fields("TBW102"), b"body")
        assert await Client(session, None).ask(*send) == (16, "username cannot be null.")
        for name, secret in ((ROOT, "wrong"), ("nobody", SECRET), ("nobody", "")):
            assert await Client(session, name, secret).ask(*send) == (16, FORGED)
        assert session.broker.store.max_phy_offset == 0
        assert (await root.ask(*send))[0] == 0
        assert await root.create_user("off", userStatus="disable") == (0, "")
        assert await Client(session, "off").ask(*send) == (16, "User:off is disabled.")
        assert await Client(session, "off", "wrong").ask(*send) == (16, FORGED), "only its owner learns of it"

    with_users(tmp_path, test)


def test_the_audit_log_says_who_was_refused_and_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "rocketmq_ops.broker.auth.audit_log")

    async def test(session: Session) -> None:
        root = Client(session, ROOT)
        send = (RequestCode.SEND_MESSAGE_V2, send_fields("TBW102"), b"body")
        assert await root.create_user("ann") == (0, "")
        ann = Client(session, "ann")
        await Client(session, None).ask(*send)
        for name in ("ann", "line\nbreak"):
            await Client(session, name, "wrong").ask(*send)
        await ann.ask(*send)
        await root.allow("ann", "Topic:TBW102", "Pub")
        assert (await ann.ask(*send))[0] == 0

    broker = broker_with(tmp_path)
    broker.config.logDir = str(tmp_path / "logs")
    broker = BrokerController(
        broker.config, broker.store_config, broker.server_config, broker.client_config, broker.auth_config
    )
    run_with(broker, test)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name.endswith(".audit_log")]
    assert [text for level, text in lines if level == "INFO"] == [
        "[AUTHENTICATION] User:ann is authenticated failed from sourceIp = 127.0.0.1 for request = 310.",
        "[AUTHENTICATION] User:'line\\nbreak' is authenticated failed from sourceIp = 127.0.0.1 for request = 310.",
        "[AUTHORIZATION] Subject = User:ann is Deny Action = Pub from sourceIp = 127.0.0.1 on resource = Topic:TBW102 "
        "for request = 310.",
    ]
    allowed = [text for level, text in lines if level == "DEBUG" and text.startswith("[AUTHORIZATION]")]
    assert allowed == [lines[-1][1]] == [
        "[AUTHORIZATION] Subject = User:ann is Allow Action = Pub from sourceIp = 127.0.0.1 on resource = Topic:TBW102 "
        "for request = 310."
    ]  # fmt: skip
    assert not any(SECRET in text or "Signature" in text for _, text in lines)


def test_the_audit_log_has_a_limit(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level("INFO", "rocketmq_ops.broker.auth.audit_log")
    now = [0]
    monkeypatch.setattr(audit_log.time, "monotonic_ns", lambda: now[0])
    audit = audit_log.AuditLog(has_files=True)
    for at in (1, 2):
        now[0] = at * 1_000_000_000
        for _ in range(300 if at == 1 else 1):
            audit.authentication("x", "127.0.0.1", 310, refused=True)
    assert len(caplog.messages) == 202
    assert caplog.messages[200] == "100 more lines were not written: more than 200 came in a second"
    audit_log.AuditLog(has_files=False).authentication("x", "127.0.0.1", 310, refused=True)
    assert len(caplog.messages) == 202


def test_a_unique_key_query_is_signed_by_newer_clients_only(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        fields = {"topic": "T", "key": "k", "maxNum": "1", "beginTimestamp": "0", "endTimestamp": "1"}
        # Our signer sends such a query as a client of 4.9.3 does.
        assert (await Client(session, ROOT).ask(12, fields | {"_UNIQUE_KEY_QUERY": "true"}))[1] != FORGED
        request = RemotingCommand.request(12, ext_fields=fields)
        AclSigner(ROOT, SECRET).sign(request)
        request.ext_fields["_UNIQUE_KEY_QUERY"] = "true"
        assert (await session.client.invoke(session.address, request)).remark == FORGED

    with_users(tmp_path, test)


def test_what_a_user_may_do(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        root, app = Client(session, ROOT), Client(session, "app")
        assert await root.create_user("app") == (0, "")

        async def refusal(code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> str:
            """The resource that is refused; empty when none is."""
            code, remark = await app.ask(code, fields, body)
            if code != 16:
                return ""
            assert remark.startswith("User:app has no permission to access "), remark
            assert remark.endswith(" from 127.0.0.1, no matched policies.")
            return remark.split(" access ")[1].split(" from ")[0]

        await root.allow("app", "Topic:write*", "Pub")
        await root.allow("app", "Topic:read", "Sub")
        await root.allow("app", "Group:own", "Sub")
        for code in (RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE):
            assert await refusal(code, send_fields("write-1")) == ""
            assert await refusal(code, send_fields("read")) == "Topic:read"
            assert await refusal(code, send_fields("%RETRY%own", a="CLIENT_INNER_PRODUCER")) == ""
            assert await refusal(code, send_fields("%RETRY%x", a="own")) == "Group:x"
            assert await refusal(code, send_fields("%RETRY%x", a=" ")) == "Group:x"
        assert await refusal(RequestCode.SEND_MESSAGE, {"topic": "read"}) == "Topic:read"
        assert await refusal(RequestCode.SEND_MESSAGE, {"topic": "%RETRY%x", "group": "own"}) == "Group:x"
        for code in (RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE):
            assert await refusal(code, pull_fields("read", "own", 0, 0)) == ""
            assert await refusal(code, pull_fields("write-1", "own", 0, 0)) == "Topic:write-1"
            assert await refusal(code, pull_fields("read", "other", 0, 0)) == "Group:other"
            assert await refusal(code, pull_fields("%RETRY%own", "own", 0, 0)) == ""
            assert await refusal(code, pull_fields("%RETRY%x", "own", 0, 0)) == "Group:x"
        for group, topic, wanted in (
            ("own", "read", ""),
            ("x", "read", "Group:x"),
            ("own", "y", "Topic:y"),
            ("own", "%RETRY%own", ""),
            ("own", "%RETRY%x", "Group:x"),
        ):
            data = HeartbeatData(client_id="c", consumer_data_set=[consumer(group, topic)])
            assert await refusal(RequestCode.HEART_BEAT, {}, data.encode()) == wanted
            locks = json.dumps(
                {"clientId": "c", "consumerGroup": group, "mqSet": [{"topic": topic, "brokerName": "b", "queueId": 0}]}
            )
            for code in (RequestCode.LOCK_BATCH_MQ, RequestCode.UNLOCK_BATCH_MQ):
                assert await refusal(code, {}, locks.encode()) == wanted
        fields = {
            "topic": "read", "consumerGroup": "x", "group": "x", "queueId": "0", "commitOffset": "0", "offset": "0",
            "delayLevel": "0", "producerGroup": "p", "tranStateTableOffset": "0", "commitLogOffset": "0", "msgId": "x",
            "commitOrRollback": "8",
        }  # fmt: skip
        for code, wanted in (
            (RequestCode.CONSUMER_SEND_MSG_BACK, "Group:x"),
            (RequestCode.UNREGISTER_CLIENT, "Group:x"),
            (RequestCode.GET_CONSUMER_LIST_BY_GROUP, "Group:x"),
            (RequestCode.QUERY_CONSUMER_OFFSET, "Group:x"),
            (RequestCode.UPDATE_CONSUMER_OFFSET, "Group:x"),
            (RequestCode.SEND_REPLY_MESSAGE, "Topic:read"),
            (RequestCode.QUERY_MESSAGE, ""),
            (RequestCode.END_TRANSACTION, "Topic:read"),
            (RequestCode.GET_MAX_OFFSET, "Topic:read"),
            (RequestCode.UPDATE_AND_CREATE_TOPIC, "Topic:read"),
            (RequestCode.DELETE_TOPIC_IN_BROKER, "Topic:read"),
            (RequestCode.UPDATE_BROKER_CONFIG, "Cluster:DefaultCluster"),
            (RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, "Cluster:DefaultCluster"),
            (RequestCode.AUTH_LIST_USER, "Cluster:DefaultCluster"),
            (RequestCode.AUTH_CREATE_USER, "Cluster:DefaultCluster"),
            (RequestCode.GET_ALL_PRODUCER_INFO, "Cluster:DefaultCluster"),
            (RequestCode.GET_BROKER_RUNTIME_INFO, ""),
        ):
            assert await refusal(code, fields) == wanted, code
        await root.allow("app", "Topic:%RETRY%x", "Get")
        await root.allow("app", "Group:x", "Get")
        assert await refusal(RequestCode.GET_MAX_OFFSET, fields | {"topic": "%RETRY%x"}) == "", "of its group"
        assert await refusal(RequestCode.GET_CONSUME_STATS, {"consumerGroup": "x", "topicList": "z;read"}) == "Topic:z"
        await root.allow("app", "Topic:write-2", "All", "Deny")
        remark = (await app.ask(RequestCode.SEND_MESSAGE_V2, send_fields("write-2")))[1]
        assert remark.endswith("the decision is deny.")
        await root.allow("app", "Topic:write-2", "All", ip="10.0.0.0/8")
        assert await refusal(RequestCode.SEND_MESSAGE_V2, send_fields("write-2")) == "", "the prefix counts then"

    with_users(tmp_path, test)


def test_a_reply_needs_what_a_send_does_but_on_the_brokers_own_topic(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        root, app = Client(session, ROOT), Client(session, "app")
        assert await root.create_user("app") == (0, "")
        await root.allow("app", "Topic:write", "Pub")
        await root.allow("app", "Group:own", "Sub")
        for topic in ("closed", "write", "%RETRY%x"):
            create_topic(session.broker, topic)
        await replies_need_rights(session, app, "closed", "write", "%RETRY%x")

    with_users(tmp_path, test)


@pytest.mark.parametrize("package", ["with rocksdict", "without"])
def test_users_and_acls_change_over_the_wire_and_last(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if package == "without":
        monkeypatch.setitem(sys.modules, "rocksdict", None)

    async def first(session: Session) -> None:
        root = Client(session, ROOT)
        assert await root.create_user("app", userType="normal") == (0, "")
        assert await root.create_user("app") == (16, "The user is existed")
        assert await root.ask(3001, {"username": "x"}, b'{"password":" "}') == (16, "password can not be blank")
        assert await root.ask(3001, {}, b"{}") == (29, "The username is blank")
        assert await root.ask(3002, {"username": "y"}, b"{}") == (16, "The user is not exist")
        assert await root.ask(3002, {"username": "app"}, b'{"password":"changed"}') == (0, "")
        found = UserInfo.decode((await root(3004, {"username": "app"})).body_bytes)
        assert (found.password, found.user_type, found.user_status) == ("changed", "Normal", "enable")
        assert not (await root(3004, {"username": "nobody"})).body
        assert [u.username for u in UserInfo.decode_list((await root(3005)).body_bytes)] == ["app", ROOT]
        assert [u.username for u in UserInfo.decode_list((await root(3005, {"filter": "pp"})).body_bytes)] == ["app"]
        await root.allow("app", "Topic:orders", "Pub")
        await root.allow("app", "Group:*", "Sub")
        await root.allow("app", "Cluster:*", "All")
        acl = AclInfo.decode((await root(3009, {"subject": "User:app"})).body_bytes)
        assert [e.resource for e in acl.policies[0].entries] == ["Topic:orders", "Group:*", "Cluster:*"]
        assert await root.ask(3009, {"subject": "User:x"}) == (16, "The subject is not exist.")
        assert await root.ask(3006, {"subject": "User:x"}, acl.encode().replace(b"User:app", b"User:x")) == (
            16, "The subject of User:x is not exist."
        )  # fmt: skip
        wrong = {"subject": "User:app", "resource": "Tpic:orders"}
        assert await root.ask(3008, wrong) == (16, "The resource Tpic:orders is unknown.")
        assert await root.ask(3008, {"subject": "User:app", "resource": "Topic:orders"}) == (0, "")
        (listed,) = AclInfo.decode_list((await root(3010, {"resourceFilter": "Group"})).body_bytes)
        assert [e.resource for e in listed.policies[0].entries] == ["Group:*"]
        app = Client(session, "app", "changed")
        assert await app.create_user("second", userType="Super") == (
            1, "The super user can only be create by super user"
        )  # fmt: skip
        for code in (3002, 3003):
            assert await app.ask(code, {"username": ROOT}, b"{}") == (
                16, "The super user can only be update by super user"
            )  # fmt: skip

    async def second(session: Session) -> None:
        root, app = Client(session, ROOT), Client(session, "app", "changed")
        assert (await app.ask(3005))[0] == 0
        assert await root.ask(3003, {"username": "app"}) == (0, "")
        assert await app.ask(3005) == (16, FORGED)
        assert not (await root(3010)).body
        assert await root.ask(3003, {"username": "app"}) == (0, "")

    with_users(tmp_path, first)
    for name in ("users", "acls"):
        kept, mode = (f"{name}.json", 0o600) if package == "without" else (name, 0o700)
        assert (tmp_path / "config" / kept).stat().st_mode & 0o777 == mode
    with_users(tmp_path, second, initAuthenticationUser="")


def test_white_lists_of_codes(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        nobody = Client(session, None)
        assert (await nobody.ask(RequestCode.GET_BROKER_CONFIG))[0] == 0
        assert "users" not in (await nobody(RequestCode.GET_BROKER_CONFIG)).body_bytes.decode()
        assert SECRET.encode() not in (await nobody(RequestCode.GET_BROKER_CONFIG)).body_bytes
        # Without a signature a name counts for nothing.
        refused = (16, "Authorization failed. Please verify your access rights and try again.")
        assert await nobody.ask(RequestCode.GET_MAX_OFFSET, {"topic": "T", "AccessKey": ROOT}) == refused
        assert await Client(session, ROOT, "wrong").ask(RequestCode.GET_MAX_OFFSET, {"topic": "T"}) == refused
        assert await Client(session, ROOT).ask(RequestCode.GET_MAX_OFFSET, {"topic": "T"}) != refused
        assert (await nobody.ask(RequestCode.GET_MIN_OFFSET, {"topic": "T", "queueId": "0"}))[0] != 16

    with_users(tmp_path, test, authenticationWhitelist="26, 30,31,apache.rocketmq.v2.X", authorizationWhitelist="31")


def test_the_brokers_own_requests_are_signed(tmp_path: Path) -> None:
    credentials = json.dumps({"accessKey": "inner", "secretKey": "inner-secret"})

    async def test(session: Session) -> None:
        request = RemotingCommand.request(RequestCode.AUTH_LIST_USER)
        answer = await session.broker.outer.ask_broker(session.address, request, 5000)
        assert answer.code == 0
        assert {user.username for user in UserInfo.decode_list(answer.body_bytes)} == {"inner", ROOT}

    with_users(tmp_path, test, innerClientAuthenticationCredentials=credentials)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"authenticationEnabled": "false", "authorizationEnabled": "true"}, "would believe every name"),
        ({"initAuthenticationUser": '{"username":"hush"}'}, "initAuthenticationUser is not the JSON object"),
        ({"innerClientAuthenticationCredentials": "hush"}, "innerClientAuthenticationCredentials is not the JSON"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict[str, str], words: str) -> None:
    config = AuthConfig()
    for key, text in keys.items():
        config.set(key, text)
    with pytest.raises(ConfigError, match=words) as refused:
        config.check()
    assert "hush" not in str(refused.value)


def test_classes_that_are_not_here_are_refused() -> None:
    config = AuthConfig()
    config.set(
        "authenticationProvider", "org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider"
    )
    with pytest.raises(ConfigError, match="a class that this broker does not have"):
        config.set("authenticationProvider", "com.example.Mine")


def test_a_broken_file_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "config" / "acls.json"
    file.parent.mkdir()
    file.write_text('{"acls": {"User:x": {"policies": [{"entries": [{"resource": "x"}]}]}}}')

    async def start() -> None:
        with pytest.raises(CorruptDataError, match=r"acls\.json"):
            await broker_with(tmp_path).start()

    asyncio.run(start())


def test_accounts_of_4_x_become_users(tmp_path: Path) -> None:
    file = tmp_path / "home" / "conf" / "plain_acl.yml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f"""
accounts:
  - {{accessKey: {ROOT}-of-4, secretKey: {SECRET}, admin: true}}
  - accessKey: application
    secretKey: {SECRET}
    defaultTopicPerm: SUB
    defaultGroupPerm: DENY
    topicPerms: [orders=PUB|SUB, closed=DENY, odd=ALL]
    groupPerms: [own=SUB]
  - {{accessKey: existing, secretKey: another-secret, admin: true}}
"""
    )

    async def test(session: Session) -> None:
        root = Client(session, f"{ROOT}-of-4")
        assert (await root.ask(RequestCode.AUTH_LIST_USER))[0] == 0
        acl = AclInfo.decode((await root(3009, {"subject": "User:application"})).body_bytes)
        assert {
            (policy.policy_type, entry.resource, tuple(entry.actions), entry.decision)
            for policy in acl.policies
            for entry in policy.entries
        } == {
            ("Custom", "Topic:orders", ("Pub", "Sub"), "Allow"),
            ("Custom", "Topic:closed", ("All",), "Deny"),
            ("Custom", "Topic:odd", ("All",), "Deny"),
            ("Custom", "Group:own", ("Sub",), "Allow"),
            ("Default", "Topic:*", ("Sub",), "Allow"),
            ("Default", "Group:*", ("All",), "Deny"),
        }
        existing = UserInfo.decode((await root(3004, {"username": "existing"})).body_bytes)
        assert (existing.password, existing.user_type) == (SECRET, "Super"), "a user that there is stays as it is"

    existing = json.dumps({"username": "existing", "password": SECRET})
    keys = {"initAuthenticationUser": existing, "migrateAuthFromV1Enabled": True}

    async def main() -> None:
        broker = broker_with(tmp_path / "store", **keys)
        broker.config.rocketmqHome = str(tmp_path / "home")
        await broker.start()
        client = RemotingClient(NettyClientConfig())
        try:
            await test(Session(broker, client))
        finally:
            await client.close()
            await broker.stop()

    asyncio.run(main())
