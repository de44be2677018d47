"""Our mqadmin against Apache's brokers that demand signatures: 4.9.7's ACL, and the authentication of 5.x."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop import stores
from tests.interop.apache import Broker, Pair, wait_until
from tests.interop.ours import OurBroker, OurNameServer, Ran, mqadmin
from tests.interop.toolchain import QUICK, VERSIONS, home

USER, SECRET = "operator", "12345678"
PLAIN_ACL = f"""globalWhiteRemoteAddresses:
accounts:
  - accessKey: {USER}
    secretKey: {SECRET}
    whiteRemoteAddress:
    admin: true
"""


def signing_pair(version: str, scratch: Path) -> Pair:
    """Apache's pair whose broker knows one account."""
    scratch.mkdir(parents=True)
    if version.startswith("4."):
        file = scratch / "plain_acl.yml"
        file.write_text(PLAIN_ACL)
        # The broker looks for it below its home.
        flag = f"-Drocketmq.acl.plain.file={os.path.relpath(file, home(version))}"
        return Pair(version, scratch, settings={"aclEnable": "true"}, flags=(*QUICK, flag))
    return Pair(version, scratch, settings=ACCOUNTS_OF_5)


_AUTH = "org.apache.rocketmq.auth"
ACCOUNTS_OF_5 = {
    "authenticationEnabled": "true",
    "authenticationProvider": f"{_AUTH}.authentication.provider.DefaultAuthenticationProvider",
    "authenticationMetadataProvider": f"{_AUTH}.authentication.provider.LocalAuthenticationMetadataProvider",
    "authorizationEnabled": "true",
    "authorizationProvider": f"{_AUTH}.authorization.provider.DefaultAuthorizationProvider",
    "authorizationMetadataProvider": f"{_AUTH}.authorization.provider.LocalAuthorizationMetadataProvider",
    "initAuthenticationUser": json.dumps({"username": USER, "password": SECRET}),
    "innerClientAuthenticationCredentials": json.dumps({"accessKey": USER, "secretKey": SECRET}),
}


def profile(folder: Path, namesrv: str, patch: pytest.MonkeyPatch) -> None:
    """The profile `operator` of the account, for our commands."""
    profiles = folder / "profiles.json"
    account = {"namesrv": namesrv, "accessKey": USER, "secretKey": SECRET}
    profiles.write_text(json.dumps({"profiles": {"operator": account}}))
    profiles.chmod(0o600)
    patch.setenv("ROCKETMQ_OPS_PROFILES", str(profiles))


class Signed:
    """Commands with the account's profile."""

    def __init__(self, pair: Pair, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.pair = pair
        profile(folder, pair.namesrv_address, patch)

    def __call__(self, *args: str) -> Ran:
        return mqadmin(*args, "--profile", "operator", output="json")


@pytest.fixture(scope="module", params=VERSIONS)
def signed(request: pytest.FixtureRequest, scratch: Path) -> Iterator[Signed]:
    folder = scratch / f"acl-{request.param}"
    pair = signing_pair(request.param, folder)
    with pytest.MonkeyPatch.context() as patch:
        run = Signed(pair, folder, patch)
        try:
            yield run
        finally:
            pair.kill()


def test_every_command_is_signed_as_the_broker_verifies_it(signed: Signed) -> None:
    broker, namesrv = signed.pair.broker_address, signed.pair.namesrv_address
    assert signed("updateTopic", "-b", broker, "-t", "T", "-r", "1", "-w", "1").code == 0
    assert signed("updateSubGroup", "-b", broker, "-g", "G").code == 0
    wait_until(lambda: signed("topicRoute", "-t", "T").code == 0, "the route of T")
    sent = signed("sendMessage", "-t", "T", "-p", "body", "-k", "key1", "-c", "TagA").json["data"]
    wait_until(lambda: signed("queryMsgByKey", "-t", "T", "-k", "key1").code == 0, "the key is in the index")
    for args, count in (
        (("queryMsgByKey", "-t", "T", "-k", "key1"), 1),
        (("queryMsgByUniqueKey", "-t", "T", "-i", sent["msgId"]), 1),
        (("queryMsgById", "-t", "T", "-i", sent["msgId"]), 1),
        (("queryMsgById", "-t", "T", "-i", sent["offsetMsgId"]), 1),
        (("queryMsgByOffset", "-t", "T", "-b", signed.pair.broker_name, "-i", "0", "-o", "0"), 1),
        (("printMsg", "-t", "T", "-s", "TagA"), 1),
        (("consumeMessage", "-t", "T"), 1),
    ):
        ran = signed(*args)
        assert ran.code == 0, ran
        assert len(ran.json["data"]["messages"]) == count, ran
    for args in (
        ("clusterList",),
        ("topicList", "-c"),
        ("topicStatus", "-t", "T"),
        ("topicClusterList", "-t", "T"),
        ("brokerStatus", "-b", broker),
        ("getBrokerConfig", "-b", broker),
        ("getNamesrvConfig",),
        ("queryCq", "-t", "T", "-q", "0", "-i", "0"),
        ("updateBrokerConfig", "-b", broker, "-k", "fileReservedTime", "-v", "71"),
        ("updateTopicPerm", "-b", broker, "-t", "T", "-p", "4"),
        ("resetOffsetByTime", "-g", "G", "-t", "T", "-s", "0"),
        ("consumerProgress", "-g", "G", "-t", "T"),
        ("skipAccumulatedMessage", "-g", "G", "-t", "T"),
        ("updateKvConfig", "-s", "N", "-k", "k", "-v", "v"),
        ("deleteSubGroup", "-b", broker, "-g", "G", "-r", "true"),
        ("deleteTopic", "-c", "DefaultCluster", "-t", "T"),
    ):
        ran = signed(*args)
        assert ran.code == 0, ran
    assert mqadmin("topicList", namesrv=namesrv).code == 0


def test_a_request_without_a_signature_is_refused(signed: Signed) -> None:
    namesrv, broker = signed.pair.namesrv_address, signed.pair.broker_address
    ran = mqadmin("getBrokerConfig", "-b", broker, namesrv=namesrv)
    assert ran.code != 0
    assert "Traceback" not in ran.err
    assert "\n  next: " in ran.err


@pytest.mark.parametrize("version", ["5.3.3", "5.5.0"])
def test_users_and_acls_go_with_the_store_both_ways(
    version: str, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made by ours, read and changed by Apache's, read by ours: a RocksDB with what Apache's has in it."""
    pytest.importorskip("rocksdict")
    folder = scratch / f"accounts-{version}"
    names = OurNameServer(folder / "names")
    broker: OurBroker | Broker | None = None
    try:
        names.child.wait_for("boot success")

        def run(*args: str) -> Ran:
            assert broker is not None
            return mqadmin(*args, "-b", broker.address, "--profile", "operator", output="json")

        def done(*args: str) -> None:
            ran = run(*args)
            assert ran.code == 0, ran

        def shown() -> list[str]:
            assert broker is not None
            wait_until(lambda: run("listUser").code == 0, "the broker answers")
            return [json.dumps(run(what).json["data"]).replace(broker.address, "") for what in ("listUser", "listAcl")]

        profile(folder, names.address, monkeypatch)
        settings = ACCOUNTS_OF_5 | stores.SIZES
        broker = OurBroker(folder / "ours", names.address, settings=settings)
        broker.wait_ready()
        done("createUser", "-u", "app", "-p", SECRET)
        done("createUser", "-u", "off", "-p", SECRET)
        done("updateUser", "-u", "off", "-s", "disable")
        done("createAcl", "-s", "User:app", "-r", "Topic:op*", "-a", "Pub,Sub", "-d", "Allow", "-i", "127.0.0.1")
        done("createAcl", "-s", "User:app", "-r", "*", "-a", "All", "-d", "Deny")
        made = shown()
        assert broker.child.stop() == 0

        store = broker.store
        broker = Broker(version, folder / "apache", names.address, store=store, settings=settings)
        broker.wait_ready()
        assert shown() == made
        done("createUser", "-u", "theirs", "-p", SECRET)
        done("createAcl", "-s", "User:theirs", "-r", "Group:*", "-a", "Sub", "-d", "Allow")
        done("deleteUser", "-u", "off")
        changed = shown()
        broker.child.kill()

        broker = OurBroker(folder / "ours-again", names.address, settings=settings | {"storePathRootDir": str(store)})
        broker.wait_ready()
        assert shown() == changed != made
    finally:
        if broker is not None:
            broker.child.kill()
        names.child.kill()
