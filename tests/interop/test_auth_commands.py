"""Our commands of users and ACLs against Apache's brokers with authentication, checked by Java's mqadmin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.apache import Pair
from tests.interop.ours import mqadmin
from tests.interop.test_acl import SECRET, USER, Signed, signing_pair


@pytest.fixture(scope="module")
def signed(scratch: Path) -> Iterator[Signed]:
    folder = scratch / "auth-commands"
    pair = signing_pair("5.3.3", folder)
    with pytest.MonkeyPatch.context() as patch:
        run = Signed(pair, folder, patch)
        try:
            yield run
        finally:
            pair.kill()


def test_a_user_from_beginning_to_end(signed: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = signed.pair.broker_address
    secret = tmp_path / "secret"
    secret.write_text("hush12345\n")
    secret.chmod(0o600)
    at = ("-b", broker, "-u", "alice")
    planned = signed("createUser", *at, "--passwordFile", str(secret), "--plan")
    assert planned.json["status"] == "planned"
    assert signed("getUser", *at).code == 4
    created = signed("createUser", *at, "--passwordFile", str(secret))
    assert created.code == 0, created
    assert created.json["data"]["changes"][0]["state"] == "done"
    assert "hush12345" not in created.out + created.err
    (alice,) = signed("getUser", *at).json["data"]["users"]
    assert alice == {
        "broker": broker, "username": "alice", "userType": "Normal", "userStatus": "enable", "hasPassword": True
    }  # fmt: skip
    again = signed("createUser", *at, "--passwordFile", str(secret))
    assert (again.code, again.json["status"]) == (0, "unchanged")
    other = signed("createUser", *at, "-p", "another1")
    assert other.code == 6
    assert "has a user 'alice' already" in other.err
    changed = signed("updateUser", *at, "-t", "Super")
    assert changed.json["data"]["changes"][0]["fields"] == [{"name": "userType", "before": "Normal", "after": "Super"}]
    monkeypatch.setenv("NEW_SECRET", "fresh12345")
    assert signed("updateUser", *at, "--passwordEnv", "NEW_SECRET").code == 0
    assert signed("updateUser", *at, "-s", "disable").code == 0
    listed = signed("listUser", "-c", signed.pair.cluster, "-f", "ali").json["data"]["users"]
    assert [(u["username"], u["userType"], u["userStatus"]) for u in listed] == [("alice", "Super", "disable")]
    assert {u["username"] for u in signed("listUser", "-b", broker).json["data"]["users"]} == {"alice", USER}
    assert signed("updateUser", "-b", broker, "-u", "nobody", "-s", "disable").code == 4
    assert signed("deleteUser", *at).code == 0
    gone = signed("deleteUser", *at)
    assert (gone.code, json.loads(gone.out)["status"]) == (8, "no_effect")


def test_an_acl_from_beginning_to_end(signed: Signed) -> None:
    broker = signed.pair.broker_address
    at = ("-b", broker, "-s", "User:bob")
    assert signed("createUser", "-b", broker, "-u", "bob", "-p", "bob123456").code == 0
    rule = ("-r", "topic:orders,Group:*", "-a", "pub,sub", "-d", "Allow")
    created = signed("createAcl", *at, *rule, "-i", "192.168.0.0/16")
    assert created.code == 0, created
    assert created.json["data"]["changes"][0]["state"] == "done"
    entries = signed("getAcl", *at).json["data"]["entries"]
    assert {(e["resource"], tuple(e["actions"]), tuple(e["sourceIps"]), e["decision"]) for e in entries} == {
        ("Topic:orders", ("Pub", "Sub"), ("192.168.0.0/16",), "Allow"),
        ("Group:*", ("Pub", "Sub"), ("192.168.0.0/16",), "Allow"),
    }
    assert signed("createAcl", *at, *rule, "-i", "192.168.0.0/16").json["status"] == "unchanged"
    updated = signed("updateAcl", *at, "-r", "Topic:orders", "-a", "All", "-d", "Deny")
    assert [f["name"] for f in updated.json["data"]["changes"][0]["fields"]] == ["Topic:orders"]
    listed = signed("listAcl", "-c", signed.pair.cluster, "-s", "bob", "-r", "orders").json["data"]["entries"]
    assert [(e["resource"], e["actions"], e["decision"]) for e in listed] == [("Topic:orders", ["All"], "Deny")]
    assert signed("deleteAcl", *at, "-r", "Topic:orders").code == 0
    assert [e["resource"] for e in signed("getAcl", *at).json["data"]["entries"]] == ["Group:*"]
    assert signed("deleteAcl", *at, "-r", "Topic:orders").code == 8
    assert signed("deleteAcl", *at).code == 0
    assert signed("getAcl", *at).code == 4
    assert signed("getAcl", "-b", broker, "-s", "User:nobody").code == 4
    assert signed("createAcl", "-b", broker, "-s", "User:nobody", *rule).code == 6


def test_copies_to_another_broker(signed: Signed, scratch: Path) -> None:
    """From one broker to another of another cluster, both of which know the account."""
    target = signing_pair("5.3.3", scratch / "auth-target")
    try:
        source, other = signed.pair.broker_address, target.broker_address
        for username in ("carol", "dave"):
            assert signed("createUser", "-b", source, "-u", username, "-p", f"{username}12345").code == 0
        acl = ("-s", "User:carol", "-r", "Topic:T", "-a", "Pub", "-d", "Allow")
        assert signed("createAcl", "-b", source, *acl).code == 0
        copied = signed("copyUser", "-f", source, "-t", other, "-u", "carol,nobody")
        assert copied.code == 5
        assert [(c["name"], c["state"]) for c in json.loads(copied.out)["data"]["changes"]] == [("carol", "done")]
        assert [f["target"] for f in json.loads(copied.out)["data"]["failures"]] == ["nobody"]
        assert signed("copyUser", "-f", source, "-t", other).code == 0
        users = {u["username"] for u in signed("listUser", "-b", other).json["data"]["users"]}
        assert {"carol", "dave", USER} <= users
        assert signed("copyUser", "-f", source, "-t", other).json["status"] == "unchanged"
        assert signed("copyAcl", "-f", source, "-t", other).code == 0
        assert signed("getAcl", "-b", other, "-s", "User:carol").json["data"]["entries"][0]["resource"] == "Topic:T"
        assert signed("copyAcl", "-f", source, "-t", other, "-s", "User:carol").json["status"] == "unchanged"
    finally:
        target.kill()


def test_no_secret_is_shown_and_no_list_without_a_signature(signed: Signed) -> None:
    broker = signed.pair.broker_address
    assert SECRET not in signed("listUser", "-b", broker).out
    unsigned = mqadmin("listUser", "-b", broker, namesrv=signed.pair.namesrv_address)
    assert unsigned.code == 6, unsigned


def test_a_broker_before_5_3_says_since_when(apache_pairs: Callable[[str], Pair]) -> None:
    pair = apache_pairs("4.9.7")
    ran = mqadmin("listUser", "-b", pair.broker_address, namesrv=pair.namesrv_address)
    assert ran.code == 14
    assert f"{pair.broker_address} is of version 4.9.7, which does not have users and ACLs" in ran.err
    assert "since 5.3.0" in ran.err
