"""Where users and ACLs are kept: in Apache's database, as Apache's 5.3.3 and 5.5.0 write it, or in files."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.config_rocksdb import ConfigRocksDBStorage
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.codes import RequestCode
from tests.broker.auth.test_auth import ROOT, Client, broker_with, with_users
from tests.broker.signing_client import SECRET
from tests.broker.support import Session, send_fields

#: As brokers of Apache's have written them.
USERS = {
    b"app": b'{"password":"secret12","subjectType":1,"userStatus":1,"userType":2,"username":"app"}',
    b"off": b'{"password":"secret12","subjectType":1,"userStatus":2,"userType":2,"username":"off"}',
    b"root": b'{"password":"12345678","subjectType":1,"userStatus":1,"userType":1,"username":"root"}',
}
ACLS = {
    b"User:app": b'{"policies":[{"entries":[{"actions":[3,4,8],"decision":1,"environment":{},"resource":{"resourceName"'
    b':"op","resourcePattern":3,"resourceType":4}},{"actions":[1],"decision":2,"environment":{"sourceIps":["10.0.0.0/8"'
    b',"127.0.0.1"]},"resource":{"resourcePattern":1,"resourceType":1}},{"actions":[4],"decision":1,"environment":{},'
    b'"resource":{"resourceName":"own","resourcePattern":2,"resourceType":5}},{"actions":[8],"decision":1,"environment"'
    b':{},"resource":{"resourcePattern":1,"resourceType":4}}],"policyType":1}],"subject":{"subjectType":1,"username":'
    b'"app"}}'
}
NO_POLICIES = {b"User:off": b'{"policies":[],"subject":{"subjectType":1,"username":"off"}}'}
TABLES = {"users": USERS, "acls": ACLS}


def store(root: Path, tables: dict[str, dict[bytes, bytes]]) -> None:
    for name, entries in tables.items():
        database = ConfigRocksDBStorage(str(root / "config" / name))
        database.replace(entries)
        database.close()


def stored(root: Path, name: str) -> dict[bytes, bytes]:
    database = ConfigRocksDBStorage(str(root / "config" / name))
    try:
        return database.entries()
    finally:
        database.close()


def refusal(root: Path, **keys: Any) -> str:
    """Why a broker with users does not start."""

    async def start() -> str:
        with pytest.raises(RocketMQError) as refused:
            await broker_with(root, **keys).start()
        return f"{refused.value}; {refused.value.next_step}"

    return asyncio.run(start())


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rocksdict", None)


def test_what_an_apache_broker_has_kept_counts_here(tmp_path: Path) -> None:
    store(tmp_path, TABLES)

    async def test(session: Session) -> None:
        root, app = Client(session, ROOT, "12345678"), Client(session, "app", "secret12")
        assert (await Client(session, "off", "secret12").ask(3005))[1] == "User:off is disabled."
        asked = {"topic": "open", "queueId": "0", "group": "own", "consumerGroup": "own"}
        assert (await app.ask(30, asked))[0] != 16
        acl = json.loads((await root(3009, {"subject": "User:app"})).body_bytes)
        (policy,) = acl["policies"]
        assert policy["policyType"] == "Custom"
        assert [(e["resource"], e["actions"], e["decision"], e.get("sourceIps")) for e in policy["entries"]] == [
            ("Topic:op*", ["Pub", "Sub", "Get"], "Allow", None),
            ("*", ["All"], "Deny", ["10.0.0.0/8", "127.0.0.1"]),
            ("Group:own", ["Sub"], "Allow", None),
            ("Topic:*", ["Get"], "Allow", None),
        ]

    with_users(tmp_path, test, initAuthenticationUser="")
    for name, entries in TABLES.items():
        assert stored(tmp_path, name) == entries, "written as it was"


def test_what_is_changed_here_is_stored_as_apaches(tmp_path: Path) -> None:
    async def test(session: Session) -> None:
        root = Client(session, ROOT, "12345678")
        assert await root.create_user("app", password="secret12") == (0, "")
        assert await root.create_user("off", password="secret12", userStatus="disable") == (0, "")
        assert await root.create_user("gone", password="secret12") == (0, "")
        for resource, actions, decision, ip in (
            ("Topic:op*", "Pub,Sub,Get", "Allow", ""),
            ("*", "All", "Deny", "10.0.0.0/8"),
            ("Group:own", "Sub", "Allow", ""),
            ("Topic:*", "Get", "Allow", ""),
        ):
            await root.allow("app", resource, actions, decision, ip)
        await root.allow("gone", "*", "All")
        assert await root.ask(3003, {"username": "gone"}) == (0, "")

    with_users(tmp_path, test, initAuthenticationUser='{"username":"root","password":"12345678"}')
    assert stored(tmp_path, "users") == USERS
    assert stored(tmp_path, "acls") == {b"User:app": ACLS[b"User:app"].replace(b',"127.0.0.1"', b"")}


def test_an_acl_without_entries_is_none(tmp_path: Path) -> None:
    store(tmp_path, {"users": USERS, "acls": NO_POLICIES})

    async def test(session: Session) -> None:
        assert not (await Client(session, ROOT, "12345678")(3009, {"subject": "User:off"})).body

    with_users(tmp_path, test)


def test_files_go_into_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def make(session: Session) -> None:
        assert await Client(session, ROOT).create_user("app") == (0, "")
        await Client(session, ROOT).allow("app", "Topic:T", "Pub")

    async def find(session: Session) -> None:
        app = Client(session, "app")
        assert (await app.ask(RequestCode.SEND_MESSAGE_V2, send_fields("T")))[0] != 16
        assert (await app.ask(RequestCode.SEND_MESSAGE_V2, send_fields("U")))[0] == 16
        assert (await Client(session, ROOT)(3009, {"subject": "User:app"})).body_bytes

    with monkeypatch.context() as without:
        without.setitem(sys.modules, "rocksdict", None)
        with_users(tmp_path, make)
    config = tmp_path / "config"
    assert (config / "users.json").is_file() and not (config / "users").exists()
    with_users(tmp_path, find, initAuthenticationUser="")
    assert sorted(path.name for path in config.iterdir() if path.name.startswith(("users", "acls"))) == [
        "acls", "acls.json.moved", "users", "users.json.moved"
    ]  # fmt: skip
    with_users(tmp_path, find, initAuthenticationUser="")
    assert sorted(stored(tmp_path, "users")) == [b"app", ROOT.encode()]


def test_a_file_beside_a_database_with_others_stops_the_start(tmp_path: Path) -> None:
    store(tmp_path, TABLES)
    file = tmp_path / "config" / "users.json"
    file.write_text(
        json.dumps({"users": {"another": {"password": SECRET, "userType": "Super", "userStatus": "enable"}}})
    )
    assert "move away the one that does not count" in refusal(tmp_path)
    assert stored(tmp_path, "users") == USERS, "nobody has it open"


@pytest.mark.usefixtures("without_package")
def test_a_database_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "users"
    folder.mkdir(parents=True)
    (folder / "CURRENT").write_text("MANIFEST-000001\n")
    assert "pip install 'rocketmq-ops[rocksdb]'" in refusal(tmp_path)


def test_a_database_that_another_has_open_stops_the_start(tmp_path: Path) -> None:
    other = ConfigRocksDBStorage(str(tmp_path / "config" / "users"))
    try:
        assert "stop the broker that has it open" in refusal(tmp_path)
    finally:
        other.close()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (b"{}}", "the entry of 'app' cannot be read"),
        (b"[]", "not a JSON object"),
        (b'{"password":"x","userStatus":1,"userType":3}', "3 is none of 1, 2"),
    ],
)
def test_an_entry_that_is_none_stops_the_start(tmp_path: Path, entry: bytes, words: str) -> None:
    store(tmp_path, {"users": {b"app": entry}})
    assert words in refusal(tmp_path)
