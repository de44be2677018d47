"""Our commands of accounts by access key against Apache's 4.9.7 with ACLs, and without."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.apache import Pair
from tests.interop.ours import mqadmin
from tests.interop.test_acl import PLAIN_ACL, USER, Signed
from tests.interop.toolchain import QUICK, home


@pytest.fixture(scope="module")
def signed(scratch: Path) -> Iterator[Signed]:
    folder = scratch / "plain-acl-commands"
    folder.mkdir()
    # Only a file below its home does the broker take as the target of updateGlobalWhiteAddr.
    file = home("4.9.7") / "conf" / f"acl-commands-{os.getpid()}.yml"
    file.write_text(PLAIN_ACL)
    flag = f"-Drocketmq.acl.plain.file=conf/{file.name}"
    pair = Pair("4.9.7", folder, settings={"aclEnable": "true"}, flags=(*QUICK, flag))
    with pytest.MonkeyPatch.context() as patch:
        run = Signed(pair, folder, patch)
        try:
            yield run
        finally:
            pair.kill()
            file.unlink()


def test_an_account_from_beginning_to_end(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = signed.pair.broker_address
    at = ("-b", broker, "-a", "newcomer")
    monkeypatch.setenv("NEW_KEY", "hush-87654321")
    created = signed(
        "updateAclConfig", *at, "--secretKeyEnv", "NEW_KEY", "-t", "T=PUB,U=DENY", "-i", "DENY", "-m", "true"
    )
    assert created.code == 0, created
    (change,) = created.json["data"]["changes"]
    assert (change["action"], change["state"]) == ("create", "done")
    assert "hush-87654321" not in created.out + created.err
    (found,) = signed("getAclConfig", "-b", broker).json["data"]["brokers"]
    accounts = {account["accessKey"]: account for account in found["accounts"]}
    assert set(accounts) == {USER, "newcomer"}
    assert (accounts["newcomer"]["topicPerms"], accounts["newcomer"]["admin"]) == (["T=PUB", "U=DENY"], True)
    changed = signed("updateAclConfig", *at, "--secretKeyEnv", "NEW_KEY", "-u", "SUB")
    fields = changed.json["data"]["changes"][0]["fields"]
    assert fields == [{"name": "defaultGroupPerm", "before": None, "after": "SUB"}], "the admin stays one"
    again = signed("updateAclConfig", *at, "--secretKeyEnv", "NEW_KEY", "-u", "SUB")
    assert again.json["status"] == "unchanged"
    refused = signed("updateAclConfig", "-b", broker, "-a", "x", "-s", "short")
    assert refused.code == 6, refused
    assert signed("deleteAccessConfig", *at).code == 0
    gone = signed("deleteAclConfig", *at)
    assert (gone.code, json.loads(gone.out)["status"]) == (8, "no_effect")


def test_white_addresses_and_versions(signed: Signed) -> None:
    broker = signed.pair.broker_address
    (before,) = signed("clusterAclConfigVersion", "-c", signed.pair.cluster).json["data"]["files"]
    assert signed("updateGlobalWhiteAddr", "-b", broker, "-g", "10.9.8.*,10.9.7.1").code == 0
    (found,) = signed("getAclConfig", "-b", broker).json["data"]["brokers"]
    assert sorted(found["globalWhiteAddresses"]) == ["10.9.7.1", "10.9.8.*"]
    (after,) = signed("clusterAclConfigVersion", "-b", broker).json["data"]["files"]
    assert after["counter"] > before["counter"]
    same = signed("updateGlobalWhiteAddr", "-b", broker, "-g", "10.9.7.1,10.9.8.*")
    assert same.json["status"] == "unchanged"


def test_a_broker_without_acls_says_so(apache_pairs: Callable[[str], Pair]) -> None:
    pair = apache_pairs("4.9.7")
    ran = mqadmin("getAclConfig", "-b", pair.broker_address, "--timeout", "2000", namesrv=pair.namesrv_address)
    assert ran.code == 14
    assert "aclEnable=false" in ran.err


def test_a_broker_after_5_3_2_says_until_when(apache_pairs: Callable[[str], Pair]) -> None:
    pair = apache_pairs("5.3.3")
    ran = mqadmin("getAclConfig", "-b", pair.broker_address, namesrv=pair.namesrv_address)
    assert ran.code == 14
    assert "no longer has ACLs by access key" in ran.err
    assert "up to 5.3.2" in ran.err
