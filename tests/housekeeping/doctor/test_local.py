"""Facts of a store directory: its files, and who maps them, by a `/proc` of the test's own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.housekeeping.doctor.examine import examine, rules_of
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.doctor.local import add_certificates, add_host, file_facts, store_facts
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.host.rules import State
from tests.golden_data import unpack_store
from tests.housekeeping.doctor.healthy import item


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unpack_store("5.3.3-clean", tmp_path)


def maps(proc: Path, pid: int, *lines: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "maps").write_text("".join(f"7f00-7f01 rw-s 00000000 08:01 1  {line}\n" for line in lines))


def test_a_store_that_nobody_uses(root: Path, tmp_path: Path) -> None:
    facts = store_facts(str(root), tmp_path / "proc")
    assert facts.files and all(file.first_ms is not None for file in facts.files)
    assert not facts.used and not facts.deleted and not facts.abort
    assert 0 < facts.free < facts.total


def test_a_file_that_was_deleted_under_a_process(root: Path, tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    gone = f"{root.resolve()}/commitlog/00000000000000000000"
    maps(proc, 7, "/lib/libc.so (deleted)", "[heap]")
    maps(proc, 42, f"{gone} (deleted)", f"{gone} (deleted)", f"{root.resolve()}/consumequeue/T/0/0")
    (proc / "43").mkdir()
    facts = store_facts(str(root), proc)
    assert (facts.used, facts.deleted) == (True, [(42, gone)])
    now = max(file.changed_ms for file in facts.files)
    found = examine(Facts(taken_at=now, store=facts, asked=[Part.STORE]), rules_of("store", [Part.STORE]))
    assert "store.deleted-under-broker" in [finding.id for finding in found]


def test_abort_that_nobody_uses(root: Path, tmp_path: Path) -> None:
    (root / "abort").touch()
    assert store_facts(str(root), tmp_path / "proc").abort


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(RocketMQError):
        store_facts(str(tmp_path / "gone"))


def test_a_property_file(tmp_path: Path) -> None:
    path = tmp_path / "broker.conf"
    path.write_text("brokerName=a\nbrokerId = 0\n")
    assert file_facts(str(path)).values == {"brokerName": "a", "brokerId": "0"}


def test_settings_of_a_host_that_cannot_be_judged_are_missing() -> None:
    facts = Facts(taken_at=0, asked=[Part.CONFIG])
    limit = msgspec.structs.replace(item("limit.memlock", State.UNKNOWN), current="65536")  # the broker's to judge
    add_host(facts, [item("a", State.OK), item("b", State.UNKNOWN), item("c", State.CHANGE), limit])
    assert [(each.part, each.target) for each in facts.missing] == [(Part.HOST, "b")]
    found = examine(facts, [rule for rule in rules_of("os", [Part.HOST]) if Part.HOST in rule.needs])
    assert [(f.target, f.severity) for f in found] == [("c", Severity.WARNING), ("b", Severity.UNKNOWN)]


def test_the_certificates_of_this_client(tmp_path: Path) -> None:
    files = Path(__file__).parents[2] / "remoting" / "files" / "tls"
    settings = tmp_path / "tls.properties"
    settings.write_text(
        f"tls.client.certPath={files}/client.pem\ntls.client.trustCertPath={tmp_path}/gone.pem\ntls.client.keyPath=x\n"
    )
    facts = Facts(taken_at=0)
    for tls in (None, "true", "false"):
        add_certificates(facts, tls)
        assert (facts.certificates, facts.missing) == ({}, [])
    add_certificates(facts, str(settings))
    assert list(facts.certificates) == [f"{files}/client.pem"]
    [missing] = facts.missing
    assert (missing.part, missing.target) == (Part.CERTIFICATES, f"{tmp_path}/gone.pem")
    assert "gone.pem" in missing.cause
