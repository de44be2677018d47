"""Our broker's access control beside Apache's of the same configuration, and Java's clients and mqadmin through it.

The accounts of 4.x beside 4.9.7, the users and ACLs of 5.x beside 5.3.3 and 5.5.0: a table of requests by accounts, each sent to
both brokers, with the same verdict but where a difference is meant and named here.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from tests.interop.apache import Driver, DriverError, Pair, wait_until
from tests.interop.ours import OurPair, mqadmin
from tests.interop.raw import call, wait_for_route
from tests.interop.test_acl import SECRET, USER, signing_pair
from tests.interop.test_python_clients import Got, first, options, until
from tests.interop.toolchain import QUICK, home

from rocketmq_ops.client import (
    ClientOptions,
    LitePullConsumer,
    Producer,
    PushConsumer,
    TransactionProducer,
    TransactionState,
)
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.message import Message
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner

WRONG = "wrong-secret"


class Account(NamedTuple):
    """Who asks; `secret` None for a request without a signature."""

    name: str
    secret: str | None = SECRET


class Ask(NamedTuple):
    """A request by its code; `what` names it."""

    what: str
    code: int
    fields: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


def send(topic: str, group: str = "p") -> dict[str, str]:
    return {
        "a": group, "b": topic, "c": "none", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "", "j": "0",
        "k": "false", "m": "false",
    }  # fmt: skip


def pull(topic: str, group: str) -> dict[str, str]:
    return {
        "consumerGroup": group, "topic": topic, "queueId": "0", "queueOffset": "0", "maxMsgNums": "1", "sysFlag": "4",
        "commitOffset": "0", "suspendTimeoutMillis": "1", "subscription": "*", "subVersion": "0",
    }  # fmt: skip


def heartbeat(group: str, topic: str) -> bytes:
    data = {
        "topic": topic, "subString": "*", "tagsSet": [], "codeSet": [], "subVersion": 1, "expressionType": "TAG",
        "classFilterMode": False,
    }  # fmt: skip
    consumer = {
        "groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": "CLUSTERING", "unitMode": False,
        "consumeFromWhere": "CONSUME_FROM_FIRST_OFFSET", "subscriptionDataSet": [data],
    }  # fmt: skip
    return json.dumps({"clientID": "c", "consumerDataSet": [consumer], "producerDataSet": []}).encode()


def offset(group: str, topic: str) -> dict[str, str]:
    return {"consumerGroup": group, "topic": topic, "queueId": "0", "commitOffset": "0"}


#: Where the first message of a broker lies, which is of the topic closed.
FOREIGN = "0"
OLD_SEND = {
    "producerGroup": "p", "defaultTopic": "none", "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0",
    "bornTimestamp": "1", "flag": "0", "properties": "", "reconsumeTimes": "0", "unitMode": "false", "batch": "false",
}  # fmt: skip
ASKS = (
    Ask("send to open", 310, send("open")),
    Ask("send to closed", 310, send("closed")),
    Ask("send to open, old", 10, OLD_SEND | {"topic": "open"}),
    Ask("send to closed, old", 10, OLD_SEND | {"topic": "closed"}),
    Ask("batch to closed", 320, send("closed") | {"m": "true"}),
    Ask("send to a retry topic", 310, send("%RETRY%own", "own")),
    Ask("send to a retry topic of another", 310, send("%RETRY%other", "other")),
    Ask("send to a retry topic of another as own", 310, send("%RETRY%other", "own")),
    Ask("reply to closed", 325, send("closed")),
    Ask("reply to closed, old", 324, OLD_SEND | {"topic": "closed"}),
    Ask("reply to an asker", 325, send("DefaultCluster_REPLY_TOPIC")),
    Ask("send back", 36, {"group": "other", "offset": FOREIGN, "delayLevel": "0", "originTopic": "open"}),
    Ask("send back of what is closed", 36, {"group": "own", "offset": FOREIGN, "delayLevel": "-1", "originTopic": "open"}),
    Ask("look at what is closed", 33, {"offset": FOREIGN}),
    Ask("look at what is closed as open", 33, {"offset": FOREIGN, "topic": "open"}),
    Ask("pull", 11, pull("open", "own")),
    Ask("pull of a closed topic", 11, pull("closed", "own")),
    Ask("pull for another group", 11, pull("open", "other")),
    Ask("pull of retries of another", 11, pull("%RETRY%other", "own")),
    Ask("query by key", 12, {"topic": "closed", "key": "k", "maxNum": "1", "beginTimestamp": "0", "endTimestamp": "1"}),
    Ask("query by unique key", 12, {"topic": "open", "key": "k", "maxNum": "1", "beginTimestamp": "0", "endTimestamp": "1", "_UNIQUE_KEY_QUERY": "true"}),
    Ask("heartbeat", 34, {}, heartbeat("own", "open")),
    Ask("heartbeat of another group", 34, {}, heartbeat("other", "open")),
    Ask("heartbeat for a closed topic", 34, {}, heartbeat("own", "closed")),
    Ask("unregister", 35, {"clientID": "c", "consumerGroup": "other"}),
    Ask("consumers of a group", 38, {"consumerGroup": "other"}),
    Ask("offset", 14, offset("other", "open")),
    Ask("update an offset", 15, offset("own", "open")),
    Ask("update an offset of another", 15, offset("other", "open")),
    Ask("max offset", 30, {"topic": "closed", "queueId": "0"}),
    Ask("topic statistics", 202, {"topic": "closed"}),
    Ask("runtime figures", 28),
    Ask("all producers", 328, {}),
    Ask("delete a topic", 215, {"topic": "none"}),
    Ask("delete a group", 207, {"groupName": "none"}),
    Ask("set the way of consuming", 401, {}, b'{"topic":"open","consumerGroup":"own","mode":"PULL"}'),
    Ask("delete files", 27),
    Ask("reset an offset of another", 222, {"group": "other", "topic": "open", "timestamp": "0", "isForce": "false"}),
    Ask("lock queues of another", 41, {}, b'{"clientId":"c","consumerGroup":"other","mqSet":[]}'),
    Ask("change nothing of the configuration", 25, {}, b"brokerPermission=6\n"),
)  # fmt: skip


#: Apache's asks for the right on the group that the request names, ours for that on the group of the retry topic.
OTHERS_RETRIES = ("send to a retry topic of another as own", "pull of retries of another")


class Verdict(NamedTuple):
    refused: bool
    code: int = 0


def ask(address: str, what: Ask, account: Account) -> tuple[Verdict, str]:
    """Whether a broker refuses a request for want of rights, with which code; and its remark."""
    request = RemotingCommand.request(what.code, ext_fields=dict(what.fields), body=what.body)
    if account.secret is not None:
        AclSigner(account.name, account.secret).sign(request)
    answer = call(address, what.code, request.ext_fields, what.body, version=request.version)
    remark = answer.remark or ""
    refused = "AclException" in remark or (answer.code == 16 and any(text in remark for text in REFUSALS))
    return Verdict(refused, answer.code if refused else 0), remark


REFUSALS = (
    "no permission to access",
    "check signature failed",
    "username cannot be null",
    "is not found",
    "is disabled",
)


def send_first(address: str, account: Account) -> None:
    """Store the first message of a broker, in the topic closed."""
    what = send("closed") | {"c": "TBW102"}
    request = RemotingCommand.request(310, ext_fields=what, body=b"x")
    AclSigner(account.name, account.secret or "").sign(request)
    answer = call(address, 310, request.ext_fields, b"x", version=request.version)
    assert int(answer.ext_fields["msgId"][16:], 16) == int(FOREIGN), answer.remark


def differing(apaches: str, ours: str, accounts: tuple[Account, ...]) -> dict[tuple[str, str], tuple[Verdict, Verdict]]:
    """Where the brokers judge differently, by request and account."""
    found = {}
    for what in ASKS:
        for account in accounts:
            theirs, their_remark = ask(apaches, what, account)
            own, own_remark = ask(ours, what, account)
            if theirs != own:
                found[what.what, account.name] = (theirs, own)
            elif (
                theirs.refused
                and account.secret == SECRET
                and account.name != "nobody"
                and what.what not in OTHERS_RETRIES
            ):
                # Of several rights that are missing, Apache's names any.
                same = their_remark.split(" for ")[0] == own_remark.split(" for ")[0]
                assert same, f"{what.what} by {account.name}: Apache says {their_remark!r}, we {own_remark!r}"
    return found


# -- 4.9.7 --------------------------------------------------------------------------------------------------------

PLAIN_ACL = f"""
globalWhiteRemoteAddresses: [10.10.103.*]
accounts:
  - {{accessKey: {USER}, secretKey: '{SECRET}', admin: true}}
  - {{accessKey: application, secretKey: '{SECRET}', defaultTopicPerm: PUB|SUB, defaultGroupPerm: DENY,
      topicPerms: [closed=DENY], groupPerms: [own=SUB]}}
  - {{accessKey: onlysends, secretKey: '{SECRET}', defaultTopicPerm: PUB, defaultGroupPerm: SUB}}
  - {{accessKey: hasnorights, secretKey: '{SECRET}'}}
  - {{accessKey: fromhere, secretKey: '{SECRET}', whiteRemoteAddress: '127.0.0.{{1,2}}', defaultTopicPerm: DENY}}
"""
PLAIN_ACCOUNTS = (
    Account("none", None),
    Account("nobody"),
    Account("application", WRONG),
    Account(USER),
    Account("application"),
    Account("onlysends"),
    Account("hasnorights"),
    Account("fromhere"),
)


@pytest.fixture(scope="module")
def plain(scratch: Path) -> Iterator[tuple[Pair, OurPair]]:
    """Apache's 4.9.7 and ours with the same accounts."""
    folder = scratch / "access-plain"
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "plain_acl.yml").write_text(PLAIN_ACL)
    file = scratch / "plain_acl.yml"
    file.write_text(PLAIN_ACL)
    flag = f"-Drocketmq.acl.plain.file={os.path.relpath(file, home('4.9.7'))}"
    ours = OurPair(folder / "ours", settings={"aclEnable": "true", "rocketmqHome": str(folder)})
    try:
        apaches = Pair("4.9.7", folder / "apache", settings={"aclEnable": "true"}, flags=(*QUICK, flag))
    except BaseException:
        ours.kill()
        raise
    for pair in (apaches, ours):
        send_first(pair.broker_address, Account(USER))
    yield apaches, ours
    ours.kill()
    apaches.kill()


def refused_here(found: dict[tuple[str, str], tuple[Verdict, Verdict]], code: int) -> dict[str, set[str]]:
    """Whose requests ours refuses, with this code, and Apache's does not; that must be all there is."""
    names: dict[str, set[str]] = {}
    for (what, name), verdicts in found.items():
        assert verdicts == (Verdict(refused=False), Verdict(refused=True, code=code)), (what, name, verdicts)
        names.setdefault(what, set()).add(name)
    return names


#: What docs/access.md says that ours refuses, and 4.9.7 does not.
_NOT_ADMIN = {"application", "onlysends", "hasnorights"}
PLAIN_REFUSED_HERE = {
    "batch to closed": {"application", "hasnorights"},
    "send to a retry topic of another as own": {"application"},
    "reply to closed": {"application", "hasnorights"},
    "reply to closed, old": {"application", "hasnorights"},
    "send back": {"onlysends"},
    "send back of what is closed": {"application", "onlysends"},
    "look at what is closed": _NOT_ADMIN,
    "look at what is closed as open": _NOT_ADMIN,
    "set the way of consuming": _NOT_ADMIN,
    "delete files": _NOT_ADMIN,
    "reset an offset of another": _NOT_ADMIN,
    "lock queues of another": {"application", "hasnorights"},
}


def test_the_accounts_of_4_x_judge_as_apaches(plain: tuple[Pair, OurPair]) -> None:
    apaches, ours = plain
    found = differing(apaches.broker_address, ours.broker_address, PLAIN_ACCOUNTS)
    assert refused_here(found, 1) == PLAIN_REFUSED_HERE, refused_here(found, 1)


def test_javas_5_5_0_clients_work_with_accounts(plain: tuple[Pair, OurPair], drivers: Callable[[str], Driver]) -> None:
    _, ours = plain
    through_accounts(drivers("5.5.0"), ours, USER)


def test_javas_4_9_7_clients_and_mqadmin_work_with_accounts(
    plain: tuple[Pair, OurPair], drivers: Callable[[str], Driver]
) -> None:
    _, ours = plain
    through_accounts(drivers("4.9.7"), ours, USER)
    driver, broker = drivers("4.9.7"), ours.broker_address

    def admin(*args: str, name: str = USER) -> str:
        out = driver.ask("admin", args=list(args), accessKey=name, secretKey=SECRET)
        assert isinstance(out, str)
        return out

    at = ("-b", broker, "-a", "newcomer", "-s", SECRET)
    refused = admin("updateAclConfig", *at, "-m", "true", name="application")
    assert "Need admin permission for request code=50" in refused, refused
    assert "success" in admin("updateAclConfig", *at, "-m", "false", "-i", "PUB", "-t", "closed=DENY")
    assert '"newcomer"' in admin("getAclConfig", "-c", ours.cluster, "-n", ours.namesrv_address).replace(
        " ", ""
    ).replace("newcomer", '"newcomer"')
    assert ask(broker, Ask("send", 310, send("closed")), Account("newcomer"))[0] == Verdict(refused=True, code=1)
    assert ask(broker, Ask("send", 310, send("open")), Account("newcomer"))[0] == Verdict(refused=False)
    path = str(ours.store.parents[1] / "conf" / "plain_acl.yml")
    assert "success" in admin("updateGlobalWhiteAddr", "-b", broker, "-g", "10.9.8.*,10.9.7.1", "-p", path)
    assert ours.broker_name in admin("clusterAclConfigVersion", "-b", broker)
    assert "success" in admin("deleteAccessConfig", "-b", broker, "-a", "newcomer")
    assert ask(broker, Ask("send", 310, send("open")), Account("newcomer"))[0] == Verdict(refused=True, code=1)


# -- 5.3.3 --------------------------------------------------------------------------------------------------------

USERS = (
    Account("none", None),
    Account("nobody"),
    Account("application", WRONG),
    Account(USER),
    Account("application"),
    Account("onlysends"),
    Account("hasnorights"),
    Account("fromelsewhere"),
    Account("disabled"),
)
#: Subject, resources, actions, decision, addresses.
RULES = (
    ("application", "Topic:op*", "Pub,Sub,Get", "Allow", None),
    ("application", "Topic:closed", "All", "Deny", None),
    ("application", "Group:own", "Sub", "Allow", "127.0.0.1"),
    ("onlysends", "*", "Pub", "Allow", "10.0.0.0/8,127.0.0.0/24"),
    ("fromelsewhere", "*", "All", "Allow", "10.0.0.0/8"),
    ("disabled", "*", "All", "Allow", None),
)


@pytest.fixture(scope="module")
def users(scratch: Path, drivers: Callable[[str], Driver]) -> Iterator[tuple[Pair, OurPair]]:
    """Apache's 5.3.3 and ours, with users and ACLs that Java's mqadmin made on both."""
    folder = scratch / "access-users"
    settings = {
        "authenticationEnabled": "true",
        "authorizationEnabled": "true",
        "initAuthenticationUser": json.dumps({"username": USER, "password": SECRET}),
        "innerClientAuthenticationCredentials": json.dumps({"accessKey": USER, "secretKey": SECRET}),
    }
    ours = OurPair(folder / "ours", settings=settings)
    try:
        apaches = signing_pair("5.3.3", folder / "apache")
    except BaseException:
        ours.kill()
        raise
    try:
        for pair in (apaches, ours):
            make_users(drivers("5.3.3"), pair)
            send_first(pair.broker_address, Account(USER))
        yield apaches, ours
    finally:
        ours.kill()
        apaches.kill()


def make_users(driver: Driver, pair: Pair | OurPair) -> None:
    at = ("-b", pair.broker_address)
    for account in USERS[4:]:
        admin(driver, "createUser", *at, "-u", account.name, "-p", SECRET)
    admin(driver, "updateUser", *at, "-u", "disabled", "-s", "disable")
    for name, resource, actions, decision, addresses in RULES:
        rule = ("-s", f"User:{name}", "-r", resource, "-a", actions, "-d", decision)
        out = admin(driver, "createAcl", *at, *rule, *(("-i", addresses) if addresses else ()))
        assert "success" in out, out


def admin(driver: Driver, *args: str) -> str:
    """What Java's mqadmin prints when it signs as the super user."""
    out = driver.ask("admin", args=list(args), accessKey=USER, secretKey=SECRET)
    assert isinstance(out, str)
    return out


#: What docs/access.md says that ours refuses, and 5.5.0 does not. `onlysends` may send everywhere.
_ALL_USERS = {"application", "onlysends", "hasnorights", "fromelsewhere"}
USERS_REFUSED_HERE = {
    "reply to closed": _ALL_USERS - {"onlysends"},
    "reply to closed, old": _ALL_USERS - {"onlysends"},
    "send back of what is closed": {"application"},
    "look at what is closed": _ALL_USERS,
    "look at what is closed as open": {"application"},
    "pull of retries of another": {"application"},
    "set the way of consuming": _ALL_USERS,
    "delete files": _ALL_USERS,
    "change nothing of the configuration": _ALL_USERS,
}


def test_users_and_acls_judge_as_apaches(users: tuple[Pair, OurPair]) -> None:
    apaches, ours = users
    found = differing(apaches.broker_address, ours.broker_address, USERS)
    retries = {"send to a retry topic of another as own": {"application"}}
    assert refused_here(found, 16) == USERS_REFUSED_HERE | retries, refused_here(found, 16)


def test_users_and_acls_judge_as_apaches_5_5_0(
    users: tuple[Pair, OurPair], scratch: Path, drivers: Callable[[str], Driver]
) -> None:
    _, ours = users
    apaches = signing_pair("5.5.0", scratch / "access-users-5.5.0")
    try:
        make_users(drivers("5.5.0"), apaches)
        send_first(apaches.broker_address, Account(USER))
        found = differing(apaches.broker_address, ours.broker_address, USERS)
    finally:
        apaches.kill()
    assert refused_here(found, 16) == USERS_REFUSED_HERE, refused_here(found, 16)


def test_javas_mqadmin_shows_the_same_users_and_acls(
    users: tuple[Pair, OurPair], drivers: Callable[[str], Driver]
) -> None:
    shown = []
    for pair in users:
        at = ("-b", pair.broker_address)
        shown.append(
            [
                sorted(admin(drivers("5.3.3"), *command).splitlines())
                for command in (
                    ("listUser", *at),
                    ("listUser", *at, "-f", "only"),
                    ("getUser", *at, "-u", "application"),
                    ("listAcl", *at),
                    ("listAcl", *at, "-s", "onlysends"),
                    ("getAcl", *at, "-s", "User:application"),
                )
            ]
        )
    for theirs, own in zip(*shown, strict=True):
        assert theirs == own
    assert any("fromelsewhere" in line for line in shown[1][0])


@pytest.mark.parametrize("version", ["5.3.3", "5.5.0"])
def test_javas_5_x_clients_and_mqadmin_work_with_users(
    version: str, users: tuple[Pair, OurPair], drivers: Callable[[str], Driver]
) -> None:
    _, ours = users
    driver, at = drivers(version), ("-b", ours.broker_address)
    through_accounts(driver, ours, USER)
    admin(driver, "createUser", *at, "-u", "shortlived", "-p", SECRET)
    rule = ("-s", "User:shortlived", "-r", "Topic:open")
    assert "success" in admin(driver, "createAcl", *at, *rule, "-a", "Pub", "-d", "Allow")
    sends = Ask("send", 310, send("open"))
    assert not ask(ours.broker_address, sends, Account("shortlived"))[0].refused
    assert "success" in admin(driver, "updateAcl", *at, *rule, "-a", "Pub", "-d", "Deny")
    assert ask(ours.broker_address, sends, Account("shortlived"))[0].refused
    assert "success" in admin(driver, "deleteAcl", *at, *rule)
    assert "success" in admin(driver, "deleteUser", *at, "-u", "shortlived")
    assert ask(ours.broker_address, sends, Account("shortlived"))[1] == "check signature failed."


def signed(pair: Any, name: str, secret: str = SECRET) -> ClientOptions:
    """How a Python client of that user connects; each has an instance of its own."""
    return replace(options(pair, f"{name}-{secret}"), sign=AclSigner(name, secret).sign)


def test_python_clients_as_users(
    users: tuple[Pair, OurPair], drivers: Callable[[str], Driver], caplog: pytest.LogCaptureFixture
) -> None:
    """What the user may works, in every kind of client; a wrong secret and a right that is missing are said."""
    for pair in users:
        for topic in ("openPython", "closed"):
            at = ("-b", pair.broker_address, "-t", topic, "-r", "1", "-w", "1")
            assert "success" in admin(drivers("5.3.3"), "updateTopic", *at)
        asyncio.run(_python_clients(pair, caplog))
        caplog.clear()


async def _python_clients(pair: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Commit:
        def execute(self, *_: object) -> TransactionState:
            return TransactionState.COMMIT

        check = execute

    got = Got()
    async with TransactionProducer("p", Commit(), signed(pair, "application")) as producer:
        await producer.send(Message("openPython", b"sent"))
        await producer.send_batch([Message("openPython", b"in a batch")])
        await producer.send_in_transaction(Message("openPython", b"committed"))
        consumer = PushConsumer("own", got, signed(pair, "application"), settings=first())
        consumer.subscribe("openPython")
        async with consumer:
            await until(lambda: len(got.messages) == 3)
        assert {m.body for m in got.messages} == {b"sent", b"in a batch", b"committed"}
        async with LitePullConsumer("own", signed(pair, "application"), settings=first()) as lite:
            lite.subscribe("openPython")
            await producer.send(Message("openPython", b"pulled"))
            assert [m.body for m in await lite.poll(30_000)] == [b"pulled"]
        with pytest.raises(BrokerError) as refused:
            await producer.send(Message("closed", b"x"))
        assert refused.value.code == ResponseCode.NO_PERMISSION and "closed" in str(refused.value)
    async with Producer("p", signed(pair, "application", WRONG)) as producer:
        with pytest.raises(BrokerError, match="check signature failed") as refused:
            await producer.send(Message("openPython", b"x"))
        assert refused.value.code == ResponseCode.NO_PERMISSION
        assert "account" in refused.value.next_step
    idle = PushConsumer("own", Got(), signed(pair, "onlysends"), settings=first())
    idle.subscribe("openPython")
    async with idle:
        await until(lambda: any("User:onlysends has no permission" in line for line in caplog.messages))


def test_javas_request_and_reply_need_no_right_on_the_reply_topic(
    users: tuple[Pair, OurPair], drivers: Callable[[str], Driver]
) -> None:
    """The user may send to the topic that is asked in, and consume it in its group; nothing of the reply topic."""
    driver, topic = drivers("5.3.3"), "openAsked"
    for pair in users:
        assert "success" in admin(driver, "updateTopic", "-b", pair.broker_address, "-t", topic, "-r", "1", "-w", "1")
        wait_for_route(pair.namesrv_address, topic, pair.broker_name)
        at = {"namesrv": pair.namesrv_address, "accessKey": "application", "secretKey": SECRET}
        driver.ask("subscribe", name="answering", group="own", topic=topic, reply=True, **at)
        asked = {"group": "asking", "message": {"topic": topic, "body": "abc"}, "timeoutMs": 40_000}
        assert driver.ask("request", **asked, **at)["body"] == "cba"
        driver.ask("consumer.close", name="answering")
        driver.ask("producer.close", namesrv=pair.namesrv_address, group="asking")


@pytest.mark.parametrize(("accounts", "version"), [("plain", "4.9.7"), ("users", "5.3.3")])
def test_a_transaction_producer_of_javas_is_asked_that_may_send_to_the_topic(
    accounts: str, version: str, request: pytest.FixtureRequest, drivers: Callable[[str], Driver]
) -> None:
    _, ours = request.getfixturevalue(accounts)
    driver, topic = drivers(version), f"openTrade{version.replace('.', '')}"
    assert "success" in admin(driver, "updateTopic", "-b", ours.broker_address, "-t", topic, "-r", "1", "-w", "1")
    wait_for_route(ours.namesrv_address, topic, ours.broker_name)
    at = {"namesrv": ours.namesrv_address, "accessKey": "application", "secretKey": SECRET}
    half = {"topic": topic, "body": "asked", "properties": {"outcome": "unknown"}}
    driver.ask("subscribe", name="trading", group="own", topic=topic, **at)
    driver.ask("send", group="trade", mode="transaction", messages=[half], **at)

    def bodies() -> set[str]:  # of the group, retries may come too
        return {got["body"] for got in driver.ask("received", name="trading", count=1, timeoutMs=1_000)}

    wait_until(lambda: "asked" in bodies(), "the broker has asked", timeout=60)
    driver.ask("consumer.close", name="trading")
    driver.ask("producer.close", namesrv=ours.namesrv_address, group="trade")


# -- clients ------------------------------------------------------------------------------------------------------


def through_accounts(driver: Driver, ours: OurPair, name: str) -> None:
    """Java's producer and consumer, and our mqadmin, sign rightly; without a signature they get nothing."""
    topic = f"T{driver.version.replace('.', '')}"
    credentials = {"accessKey": name, "secretKey": SECRET}
    profile = ours.store.parent / "profiles.json"
    profile.write_text(
        json.dumps({"profiles": {"signed": {"namesrv": ours.namesrv_address, "accessKey": name, "secretKey": SECRET}}})
    )
    profile.chmod(0o600)
    signed = {"ROCKETMQ_OPS_PROFILES": str(profile)}
    made = ("updateTopic", "-b", ours.broker_address, "-t", topic, "-r", "1", "-w", "1")
    assert mqadmin(*made, namesrv=ours.namesrv_address).code != 0
    assert mqadmin(*made, "--profile", "signed", env=signed).code == 0
    wait_until(
        lambda: mqadmin("topicRoute", "-t", topic, namesrv=ours.namesrv_address).code == 0, f"the route of {topic}"
    )
    sending = {"namesrv": ours.namesrv_address, "messages": [{"topic": topic, "body": "x", "keys": "k1"}]}
    with pytest.raises(DriverError):
        driver.ask("send", group="unsigned", retries=0, **sending)
    assert driver.ask("send", group="signed", **credentials, **sending)
    consuming = {"name": f"c-{topic}", "group": f"g-{topic}", "namesrv": ours.namesrv_address, "topic": topic}
    driver.ask("subscribe", **consuming, **credentials)
    assert len(driver.ask("received", name=f"c-{topic}", count=1, timeoutMs=20_000)) == 1
    driver.ask("consumer.close", name=f"c-{topic}")
    for group in ("unsigned", "signed"):
        driver.ask("producer.close", namesrv=ours.namesrv_address, group=group)
    found = mqadmin("queryMsgByKey", "-t", topic, "-k", "k1", "--profile", "signed", output="json", env=signed)
    assert len(found.json["data"]["messages"]) == 1
