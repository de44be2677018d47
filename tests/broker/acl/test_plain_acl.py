"""A broker with `aclEnable=true`: who is let in, what an account may do, and how accounts change."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.logs.line_formats import TextFormatter
from rocketmq_ops.remoting.bodies import GetBrokerClusterAclConfigResponseBody, HeartbeatData
from rocketmq_ops.remoting.codes import LegacyRequestCode, RequestCode
from rocketmq_ops.remoting.command import JSON, ROCKETMQ, RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner
from tests.broker.signing_client import SECRET, SigningClient, create_topic, replies_need_rights
from tests.broker.support import Session, consumer, new_broker, pull_fields, run, send_fields

ACL = """
globalWhiteRemoteAddresses:
  - 10.10.103.*
accounts:
  - accessKey: operator
    secretKey: a-long-secret
    admin: true
  - accessKey: application
    secretKey: a-long-secret
    defaultTopicPerm: DENY
    defaultGroupPerm: SUB
    topicPerms: [orders=PUB|SUB, read=SUB, write=PUB, closed=DENY]
    groupPerms: [own=SUB, closed=DENY, sender=PUB]
  - accessKey: 12345678
    secretKey: 87654321
    whiteRemoteAddress: 127.0.0.1
  - accessKey: default-rights
    secretKey: a-long-secret
    defaultTopicPerm: PUB
    defaultGroupPerm: SUB
"""
EXCEPTION = "org.apache.rocketmq.acl.common.AclException: "


def home(tmp_path: Path, text: str = ACL) -> Path:
    file = tmp_path / "home" / "conf" / "plain_acl.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


class Client(SigningClient):
    """Requests of one account."""

    async def code_of(self, code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> tuple[int, str]:
        answer = await self(code, fields, body)
        return answer.code, (answer.remark or "").removeprefix(EXCEPTION)


def with_acl(tmp_path: Path, test: Callable[[Session], Awaitable[None]], text: str = ACL) -> Path:
    file = home(tmp_path, text)
    run(tmp_path / "store", test, aclEnable=True, rocketmqHome=str(tmp_path / "home"))
    return file


def test_who_is_not_known_is_refused_without_a_trace(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        send = (RequestCode.SEND_MESSAGE_V2, send_fields("TBW102"), b"body")
        assert await Client(session, None).code_of(*send) == (1, "No accessKey is configured")
        for name, secret in (("nobody-here", SECRET), ("operator", "wrong-secret"), ("operator", "")):
            wanted = (1, f"Check signature failed for accessKey={name}")
            assert await Client(session, name, secret).code_of(*send) == wanted
        assert await Client(session, None).code_of(99_999) == (1, "No accessKey is configured")
        assert session.broker.store.max_phy_offset == 0
        assert "own" not in session.broker.groups.table

    with_acl(tmp_path, test)


def test_the_log_file_says_who_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """There values of what is called accessKey are taken out, with the words of the refusal: an account's name is none."""

    async def test(session: Session) -> None:
        assert (await Client(session, "orders-service", "wrong-secret")(RequestCode.GET_BROKER_CONFIG)).code == 1

    with_acl(tmp_path, test)
    (line,) = [TextFormatter().format(record) for record in caplog.records if record.name.endswith("access.gate")]
    assert "GET_BROKER_CONFIG" in line and " as 'orders-service' refused: " in line and "wrong-secret" not in line


def test_what_an_account_may_do(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        application = Client(session, "application")

        def denied(what: str) -> tuple[int, str]:
            return 1, f"No default permission for {what}"

        async def refusal(code: int, fields: dict[str, str] | None = None, body: bytes = b"") -> tuple[int, str]:
            code, remark = await application.code_of(code, fields, body)
            return (code, remark) if code == 1 else (0, "")

        async def heartbeat(group: str, topic: str) -> tuple[int, str]:
            data = HeartbeatData(client_id="c", consumer_data_set=[consumer(group, topic)])
            return await refusal(RequestCode.HEART_BEAT, {}, data.encode())

        for send in (RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE):
            assert await refusal(send, send_fields("closed")) == denied("topic:closed")
            assert await refusal(send, send_fields("read")) == denied("topic:read")
            assert await refusal(send, send_fields("unknown")) == denied("topic:unknown")
            assert await refusal(send, send_fields("%RETRY%closed", a="own")) == denied("group:closed")
            assert await refusal(send, send_fields("write")) == (0, "")
            assert await refusal(send, send_fields("%RETRY%own", a="CLIENT_INNER_PRODUCER")) == (0, "")
        old = {"producerGroup": "p", "topic": "read", "group": "own"}
        assert await refusal(RequestCode.SEND_MESSAGE, old) == denied("topic:read")
        assert await refusal(RequestCode.SEND_MESSAGE, old | {"topic": "%RETRY%closed"}) == denied("group:closed")
        assert await refusal(RequestCode.SEND_MESSAGE_V2, send_fields("RMQ_SYS_TRACE_TOPIC")) == (0, "")
        pull = RequestCode.PULL_MESSAGE
        assert await refusal(pull, pull_fields("write", "own", 0, 0)) == denied("topic:write")
        assert await refusal(pull, pull_fields("read", "closed", 0, 0)) == denied("group:closed")
        assert await refusal(pull, pull_fields("read", "sender", 0, 0)) == denied("group:sender")
        assert await refusal(pull, pull_fields("read", "any", 0, 0)) == (0, "")
        assert await heartbeat("closed", "orders") == denied("group:closed")
        assert await heartbeat("own", "write") == denied("topic:write")
        assert await heartbeat("own", "orders") == (0, "")
        group = {"consumerGroup": "closed", "clientID": "c", "topic": "orders", "queueId": "0", "commitOffset": "0"}
        for code in (
            RequestCode.UNREGISTER_CLIENT,
            RequestCode.GET_CONSUMER_LIST_BY_GROUP,
            RequestCode.UPDATE_CONSUMER_OFFSET,
        ):
            assert await refusal(code, group) == denied("group:closed")
        back = {"group": "closed", "offset": "0", "delayLevel": "0"}
        assert await refusal(RequestCode.CONSUMER_SEND_MSG_BACK, back) == denied("group:closed")
        query = {"topic": "write", "key": "k", "maxNum": "1", "beginTimestamp": "0", "endTimestamp": "1"}
        assert await refusal(RequestCode.QUERY_MESSAGE, query) == denied("topic:write")
        query["topic"] = "read"
        assert (await refusal(RequestCode.QUERY_MESSAGE, query | {"_UNIQUE_KEY_QUERY": "true"}))[1] == ""

    with_acl(tmp_path, test)


def test_a_reply_needs_what_a_send_does_but_on_the_brokers_own_topic(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        for topic in ("closed", "write", "%RETRY%closed"):
            create_topic(session.broker, topic)
        await replies_need_rights(session, Client(session, "application"), "closed", "write", "%RETRY%closed")

    with_acl(tmp_path, test)


def test_what_only_administrators_may(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        config = session.broker.config
        application, operator = Client(session, "application"), Client(session, "operator")
        update = (RequestCode.UPDATE_BROKER_CONFIG, {}, b"brokerPermission=4\n")
        for code in (
            RequestCode.UPDATE_AND_CREATE_TOPIC,
            RequestCode.DELETE_TOPIC_IN_BROKER,
            RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
            RequestCode.DELETE_SUBSCRIPTIONGROUP,
            *LegacyRequestCode,
        ):
            wanted = (1, f"Need admin permission for request code={code}, but accessKey=application is not")
            assert await application.code_of(code) == wanted
        assert (await application.code_of(*update))[0] == 1
        assert config.brokerPermission == 6
        assert (await operator.code_of(*update))[0] == 0
        assert config.brokerPermission == 4
        refused = await operator.code_of(RequestCode.UPDATE_BROKER_CONFIG, {}, b"aclEnable=false\n")
        assert "counts at a start only" in refused[1]

    with_acl(tmp_path, test)


def test_accounts_change_over_the_wire_and_hold_at_once(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        operator, newcomer = Client(session, "operator"), Client(session, "newcomer", "another-secret")
        send = (RequestCode.SEND_MESSAGE_V2, send_fields("orders"), b"body")
        put = {"accessKey": "newcomer", "secretKey": "another-secret", "topicPerms": "orders=PUB,x=SUB"}
        assert (await newcomer.code_of(*send))[0] == 1
        assert await operator.code_of(50, put) == (0, "")
        assert (await newcomer.code_of(*send))[1] != "Check signature failed for accessKey=newcomer"
        assert await operator.code_of(50, put | {"topicPerms": "orders=DENY", "admin": "true"}) == (0, "")
        assert await newcomer.code_of(*send) == (1, "No default permission for topic:orders")
        known = GetBrokerClusterAclConfigResponseBody.decode((await operator(54)).body_bytes)
        (found,) = [each for each in known.plain_access_configs if each.access_key == "newcomer"]
        assert (found.topic_perms, found.admin, found.secret_key) == (["orders=DENY"], True, "another-secret")
        for wrong, words in (
            ({"secretKey": "short"}, "length should longer than 6"),
            ({"topicPerms": "orders"}, "Parse Resource format error for orders"),
            ({"groupPerms": "g=ALL"}, "Parse resource permission error for g=ALL"),
            ({"whiteRemoteAddress": "nowhere"}, "Netaddress examine Exception"),
        ):
            code, remark = await operator.code_of(50, put | wrong)
            assert code == 209
            assert words in remark
            assert "another-secret" not in remark
        assert await operator.code_of(51, {"accessKey": "newcomer"}) == (0, "")
        assert (await newcomer.code_of(*send))[1] == "Check signature failed for accessKey=newcomer"
        assert (await operator.code_of(51, {"accessKey": "newcomer"}))[0] == 210
        answer = await operator(52)
        (path,) = json.loads(answer.ext_fields["allAclFileVersion"])
        assert json.loads(answer.ext_fields["version"])["counter"] == 3
        white = {"globalWhiteAddrs": "10.9.8.*,127.0.0.1", "aclFileFullPath": path}
        assert (await operator.code_of(53, white | {"aclFileFullPath": str(tmp_path / "other.yml")}))[0] == 211
        assert (await operator.code_of(53, white | {"globalWhiteAddrs": "nowhere"}))[0] == 211
        assert await operator.code_of(53, white) == (0, "")
        assert (await Client(session, None).code_of(*send))[1] != "No accessKey is configured"

    file = with_acl(tmp_path, test)
    saved = yaml.safe_load(file.read_text())
    assert saved["globalWhiteRemoteAddresses"] == ["10.9.8.*", "127.0.0.1"]
    assert [account["accessKey"] for account in saved["accounts"]][:3] == ["operator", "application", 12345678]
    assert saved["dataVersion"][0]["counter"] == 4
    assert not (tmp_path / "other.yml").exists()


def test_accounts_of_digits_and_white_addresses(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        send = (RequestCode.SEND_MESSAGE_V2, send_fields("closed"), b"body")
        assert (await Client(session, "12345678", "any other").code_of(*send))[0] != 1
        # Without a default everything is denied, and a default holds for what is not named.
        rights = Client(session, "default-rights")
        assert (await rights.code_of(*send))[0] != 1
        assert (await rights.code_of(RequestCode.QUERY_MESSAGE, {"topic": "t"}))[
            1
        ] == "No default permission for topic:t"

    with_acl(tmp_path, test)


def looked_at_twice(session: Session) -> Callable[[], None]:
    """Has the files read again: what has changed counts when it is the same at the second look."""

    def reload() -> None:
        session.broker.accounts.reload_changed()
        session.broker.accounts.reload_changed()

    return reload


def test_a_file_that_is_being_written_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An editor empties it and writes it in pieces: nobody is refused meanwhile, and nobody has more rights."""

    async def test(session: Session) -> None:
        send = (RequestCode.SEND_MESSAGE, send_fields("closed"), b"x")
        admin = (RequestCode.GET_BROKER_CONFIG, {}, b"")
        accounts, file = session.broker.accounts, tmp_path / "home" / "conf" / "plain_acl.yml"
        whole = file.read_text()
        # An administrator without permissions of his own has all: these are cut off.
        early = "accounts:\n  - {accessKey: application, secretKey: a-long-secret, admin: true}\n"
        for piece in ("", early, whole + "# changed\n"):
            file.write_text(piece)
            accounts.reload_changed()
            assert (await Client(session, "operator").code_of(*admin))[0] == 0
            assert (await Client(session, "application").code_of(*send))[0] == 1
        accounts.reload_changed()
        assert "accounts in force" in caplog.text

    caplog.set_level("INFO")
    with_acl(tmp_path, test)


def test_a_file_that_stays_empty_leaves_its_accounts_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As Apache's; what an administrator changes then is a change of these."""

    async def test(session: Session) -> None:
        admin = (RequestCode.GET_BROKER_CONFIG, {}, b"")
        file, reload = tmp_path / "home" / "conf" / "plain_acl.yml", looked_at_twice(session)
        file.write_text("# nothing\n")
        reload()
        assert "is empty: what it said before stays in force" in caplog.text
        operator = Client(session, "operator")
        assert (await operator.code_of(*admin))[0] == 0
        await session.broker.accounts.delete_account("default-rights")
        kept = [account["accessKey"] for account in yaml.safe_load(file.read_text())["accounts"]]
        assert "operator" in kept and "default-rights" not in kept
        file.write_text("accounts: []\n")
        reload()
        assert (await operator.code_of(*admin))[0] == 1

    with_acl(tmp_path, test)


def test_a_changed_file_is_read_again_and_a_broken_one_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(session: Session) -> None:
        query = (RequestCode.GET_BROKER_CONFIG, {}, b"")
        file = tmp_path / "home" / "conf" / "plain_acl.yml"
        more = tmp_path / "home" / "conf" / "acl" / "sub" / "more.yml"
        reload = looked_at_twice(session)
        assert (await Client(session, "operator").code_of(*query))[0] == 0
        file.write_text("accounts:\n  - accessKey: operator\n    secretKey: changed-secret\n")
        reload()
        assert (await Client(session, "operator").code_of(*query))[0] == 1
        assert (await Client(session, "operator", "changed-secret").code_of(*query))[0] == 0
        more.parent.mkdir(parents=True)
        more.write_text(
            "accounts:\n  - {accessKey: operator, secretKey: from-folder}\n  - {accessKey: second-one, secretKey: changed-secret}\n"
        )
        reload()
        assert (await Client(session, "operator", "from-folder").code_of(*query))[0] == 0, "the folder comes first"
        assert (await Client(session, "second-one", "changed-secret").code_of(*query))[0] == 0
        for broken in (
            "accounts: [{accessKey: operator, secretKey: 'hush-secret', whiteRemoteAddress: x}]",
            "'hush-secret: [",
        ):
            more.write_text(broken)
            reload()
            assert "the accounts stay as they were" in caplog.text
            assert "hush-secret" not in caplog.text
            assert (await Client(session, "operator", "from-folder").code_of(*query))[0] == 0
        os.unlink(more)
        reload()
        assert (await Client(session, "operator", "changed-secret").code_of(*query))[0] == 0

    with_acl(tmp_path, test)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accounts:\n  - accessKey: operator\n", "account 1: The accessKey=operator and its secretKey"),
        ("accounts: {}\n", "invalid accounts: expected a list"),
        ("- x\n", "has no 'accounts:' list"),
        ("a: 'b\n", "line 2 is no YAML"),
        ("accounts:\n  - {accessKey: operator, secretKey: long-enough, topicPerms: [T]}\n", "failed for topic:T"),
        ("globalWhiteRemoteAddresses: [nowhere]\n", "netaddress is nowhere"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str, words: str) -> None:
    home(tmp_path, text)

    async def start() -> None:
        broker = new_broker(tmp_path / "store", aclEnable=True, rocketmqHome=str(tmp_path / "home"))
        with pytest.raises(ConfigError) as refused:
            await broker.start()
        assert words in str(refused.value)
        assert refused.value.next_step

    asyncio.run(start())


def test_without_a_home_there_is_no_start(tmp_path: Path) -> None:
    async def start() -> None:
        broker = new_broker(tmp_path / "store", aclEnable=True, rocketmqHome=None)
        with pytest.raises(ConfigError, match="rocketmqHome"):
            await broker.start()

    asyncio.run(start())


def test_no_way_leads_around_the_check(tmp_path: Path) -> None:
    """Neither what a connection's earlier sends are known by, nor requests without an answer, nor the binary header."""

    async def test(session: Session) -> None:
        store, signer = session.broker.store, AclSigner("operator", SECRET)

        def send(number: int, **more: object) -> RemotingCommand:
            fields = send_fields("TBW102", properties={"UNIQ_KEY": f"0A0B0C0D{number:04}"})
            request = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=b"body")
            for name, value in more.items():
                setattr(request, name, value)
            signer.sign(request)
            return request

        async def code(request: RemotingCommand) -> int:
            return (await session.client.invoke(session.address, request, 5000)).code

        for number in range(20):
            assert await code(send(number)) == 0
        assert await code(send(20, serialize_type=ROCKETMQ)) == 0
        end = store.max_phy_offset
        for number, serialize_type in ((21, JSON), (22, ROCKETMQ)):
            forged = send(number, serialize_type=serialize_type)
            forged.body = b"BODY"
            assert await code(forged) == 1
        unsigned = (RequestCode.SEND_MESSAGE_V2, None, b"body", send_fields("TBW102"))
        await session.client.invoke_oneway(session.address, RemotingCommand.request(*unsigned))
        assert await code(RemotingCommand.request(*unsigned)) == 1
        assert store.max_phy_offset == end

    with_acl(tmp_path, test)


def test_a_stopping_broker_still_checks(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        await session.broker._drain()
        fields = send_fields("TBW102")
        send = (RequestCode.SEND_MESSAGE_V2, fields, b"body")
        assert (await Client(session, "operator", "wrong").code_of(*send))[0] == 1
        assert (await Client(session, "operator").code_of(*send))[0] == 14

    with_acl(tmp_path, test)
