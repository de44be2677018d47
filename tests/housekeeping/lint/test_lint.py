"""Each rule of the lint finds its fault on its line, and sound files have no findings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.broker.processors.admin.config import ALWAYS_FORBIDDEN, START_ONLY
from rocketmq_ops.common.properties import PropertiesError
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.lint.file import TLS, read
from rocketmq_ops.housekeeping.lint.keys import (
    BROKER_CLASSES,
    NAMESRV_CLASSES,
    VERSIONS,
    keys_of,
    start_only,
    versions_with,
)
from rocketmq_ops.housekeeping.lint.rules import RULES, lint
from rocketmq_ops.housekeeping.lint.sane import SANE, implausible

ROOT = Path(__file__).parents[3]
SOUND = """\
# a comment
brokerClusterName=C
brokerName=a
brokerId=0
brokerRole=ASYNC_MASTER
namesrvAddr=10.0.0.1:9876
listenPort=10911
haListenPort=10912
brokerIP1=10.0.0.2
storePathRootDir=/data/store
fileReservedTime=72
deleteWhen=04
messageDelayLevel=1s 5s 10s
autoCreateTopicEnable=false
flushDiskType=ASYNC_FLUSH
maxMessageSize=4194304
"""

#: Rule -> (a file's text, the version, the line, a part of the evidence or of the remedy).
SEEDS: dict[str, tuple[str, str, int, str]] = {
    "lint.unknown-key": (SOUND + "autoCreateTopicEnabl=true\n", "5.3", 17, "write autoCreateTopicEnable"),
    "lint.old-key": ("brokerName=a\nmapedFileSizeCommitLog=1073741824\n", "5.3", 2, "mappedFileSizeCommitLog"),
    "lint.other-version": ("brokerName=a\ncommercialBigCount=1\n", "5.3", 2, "a key of 4.9"),
    "lint.other-server": (SOUND + "kvConfigPath=/x\n", "5.3", 17, "a key of a name server"),
    "lint.bad-number": ("\n\nfileReservedTime=4M\n", "4.9", 3, "the default 72 counts"),
    "lint.bad-boolean": ("autoCreateTopicEnable=yes\n", "5.3", 1, "take it as false"),
    "lint.bad-choice": ("flushDiskType=SYNC\n", "5.3", 1, "flushDiskType=SYNC_FLUSH"),
    "lint.blank-behind": ("fileReservedTime=48 \n", "5.3", 1, "the default 72 counts"),
    "lint.comment-behind": ("fileReservedTime=48 # two days\n", "5.3", 1, "is part of it"),
    "lint.name-servers": ("namesrvAddr=h1:9876,h2:9876\n", "5.3", 1, "namesrvAddr=h1:9876;h2:9876"),
    "lint.wrong-unit": ("mappedFileSizeConsumeQueue=300000\n", "5.3", 1, "300000 * 20 = 6000000"),
    "lint.out-of-range": ("diskMaxUsedSpaceRatio=99\n", "5.3", 1, "counts as 10 or 95"),
    "lint.not-expanded": ("storePathRootDir=${user.home}/store\n", "5.3", 1, "literally"),
    "lint.empty-value": ("brokerName=\n", "5.3", 1, "brokerName is empty"),
    "lint.repeated-key": ("brokerName=a\nbrokerId=0\nbrokerName=b\n", "5.3", 3, "replaces that of line 1"),
    "lint.byte-order-mark": ("\ufeffbrokerName=a\n", "5.3", 1, "byte order mark"),
    "lint.not-ascii": ("brokerName=\u00e4\n", "5.3", 1, "ISO-8859-1"),
    "lint.schedule": ("deleteWhen=25\n", "5.3", 1, "expired files stay"),
    "lint.role-and-id": ("brokerRole=SLAVE\nbrokerId=0\n", "5.3", 2, "does not start"),
    "lint.ports": ("listenPort=10913\nhaListenPort=10911\n", "5.3", 2, "the fast port"),
    "lint.disk-ratios": ("diskMaxUsedSpaceRatio=88\n", "5.3", 1, "sends are refused before"),
    "lint.advertised-address": ("brokerIP1=127.0.0.1\n", "5.3", 1, "127.0.0.1"),
    "lint.store-pool": ("brokerRole=SLAVE\nbrokerId=1\ntransientStorePoolEnable=true\n", "5.3", 3, "no effect"),
    "lint.system-property": (SOUND + "tls.server.mode=enforcing\n", "5.3", 17, "as a Java system property"),
    "lint.tls": ("tls.server.certPath=/c.pem\ntls.server.keyPath=/k.pem\n", "5.3", 1, "not set, and true by default"),
    "lint.refused-here": ("enableControllerMode=true\n", "ours", 1, "does not have"),
    "lint.kept-here": ("sendMessageThreadPoolNums=64\n", "ours", 1, "changes nothing"),
}


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "broker.conf"


def test_every_rule_has_a_seeded_fault() -> None:
    assert list(SEEDS) == [rule.id for rule in RULES]
    for rule in RULES:
        assert rule.severity in (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
        assert rule.summary.endswith(".") and rule.remedy and not rule.remedy.endswith("."), rule.id


@pytest.mark.parametrize("rule_id", SEEDS)
def test_a_rule_finds_its_fault_on_its_line(write: Path, rule_id: str) -> None:
    text, version, line, part = SEEDS[rule_id]
    write.write_text(text)
    found = [finding for finding in lint(read(str(write), version)) if finding.id == rule_id]
    assert [(f.line, f.target) for f in found] == [(line, f"{write}:{line}")]
    assert part in found[0].evidence + found[0].remedy


@pytest.mark.parametrize("version", VERSIONS)
def test_a_sound_file_has_no_findings(write: Path, version: str) -> None:
    write.write_text(SOUND)
    assert lint(read(str(write), version)) == []


@pytest.mark.parametrize("path", [*sorted(ROOT.glob("conf/*/*.properties")), ROOT / "conf" / "namesrv.conf"])
def test_what_is_shipped_is_sound(path: Path) -> None:
    for version in VERSIONS:
        assert lint(read(str(path), version)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("brokerIP1", "127.0.0.10"), ("haListenPort", "10910"), ("transientStorePoolEnable", "true"), ("brokerId", "1")],
)
def test_what_is_near_a_fault_and_none(write: Path, key: str, value: str) -> None:
    more = "brokerRole=SLAVE\n" if key == "brokerId" else ""
    write.write_text(f"{more}{key}={value}\n")
    assert lint(read(str(write), "5.3")) == []


def test_a_file_is_of_the_server_whose_keys_it_has(write: Path) -> None:
    write.write_text("kvConfigPath=/x\nlistenPort=9876\n")
    assert read(str(write), "5.3").server == "name server"
    assert read(str(write), "5.3", "broker").server == "broker"


OWN = "tls.server.certPath=/c.pem\ntls.server.keyPath=/k.pem\n"


@pytest.mark.parametrize(
    ("text", "version", "found"),
    [
        (OWN + "tls.test.mode.enable=false\n", "5.3", []),
        (OWN, "ours", []),
        (OWN + "tls.test.mode.enable=true\n", "ours", ["lint.tls"]),
        ("tls.test.mode.enable=false\ntls.server.keyPath=/k.pem\n", "4.9", ["lint.tls"]),
        ("tls.test.mode.enable=false\ntls.client.certPath=/k.pem\n", "5.5", ["lint.tls"]),
        ("tls.server.need.client.auth=REQUIRE\n", "5.3", ["lint.tls"]),
        ("tls.server.need.client.auth=Require\ntls.server.authClient=true\n", "5.3", []),
        ("tls.server.need.client.auth=always\n", "5.3", ["lint.bad-choice"]),
        ("tls.server.authClient=true\n", "ours", ["lint.tls"]),
        ("tls.server.authClient=yes\n", "5.3", ["lint.bad-boolean"]),
        ("tls.server.mode=enforcing\n", "5.3", ["lint.system-property"]),
        ("tls.server.mode=enforcing\n", "ours", []),
        ("tls.server.mode=ENFORCING\n", "ours", ["lint.bad-choice"]),
        ("tls.protocols=TLSv1.3\n", "5.5", []),
        ("tls.protocols=TLSv1.3\n", "ours", []),
        ("tls.protocols=TLS13\n", "ours", ["lint.tls"]),
        ("tls.ciphers=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\ntls.protocols=TLSv1.3\n", "ours", ["lint.tls"]),
        ("tls.protocols=TLSv1.3\n", "5.3", ["lint.other-version"]),
        ("tls.server.certpath=/c.pem\n", "5.3", ["lint.old-key"]),
        ("tls.server.crt=/c.pem\n", "5.3", ["lint.unknown-key"]),
    ],
    ids=str,
)
def test_a_file_of_tls(write: Path, text: str, version: str, found: list[str]) -> None:
    write.write_text(text)
    linted = read(str(write), version)
    assert linted.server == TLS
    assert [finding.id for finding in lint(linted)] == found


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_of_tls_beside_others(write: Path, version: str) -> None:
    """Apache's servers ignore each of them there; those here obey, and a wrong value is found."""
    write.write_text(SOUND + "tls.server.mode=enforced\ntls.enable=true\n")
    found = [(finding.id, finding.line) for finding in lint(read(str(write), version))]
    ignored = [("lint.system-property", 17), ("lint.system-property", 18)]
    assert found == ([("lint.bad-choice", 17)] if version == "ours" else ignored)


def test_other_keys_in_a_file_of_tls(write: Path) -> None:
    write.write_text("tls.enable=true\nlistenPort=10911\n")
    found = {finding.id: finding.line for finding in lint(read(str(write), "5.3", TLS))}
    assert found == {"lint.system-property": 1, "lint.other-server": 2}


def test_passwords_are_not_shown(write: Path) -> None:
    write.write_text("tls.server.keyPassword=sesame # of the key\n")
    (finding,) = lint(read(str(write), "5.3"))
    assert finding.id == "lint.comment-behind" and "sesame" not in f"{finding.evidence}{finding.remedy}"


def test_findings_come_in_the_order_of_lines(write: Path) -> None:
    write.write_text("deleteWhen=25\nfooBar=1\nfileReservedTime=x\nautoCreateTopicEnable=1\n")
    assert [finding.line for finding in lint(read(str(write), "5.3"))] == [1, 2, 3, 4]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PropertiesError):
        read(str(tmp_path / "gone.conf"), "5.3")


def test_defaults_of_apache_are_plausible() -> None:
    for version in VERSIONS:
        for key in keys_of(version, BROKER_CLASSES).values():
            for default in key.defaults.values():
                assert implausible(key.name, default or "") is None, key.name


def test_keys_that_are_judged_are_keys() -> None:
    known = keys_of("5.3", BROKER_CLASSES)
    assert set(SANE) <= known.keys()
    assert all(known[name].type in ("int", "long") for name in SANE)


def test_versions_of_a_key() -> None:
    assert versions_with("fileReservedTime") == ["4.9", "5.3", "5.5"]
    assert versions_with("splitMetadataSize") == ["5.5"]
    assert versions_with("fooBar") == []
    assert "scanNotActiveBrokerInterval" in keys_of("5.3", NAMESRV_CLASSES)
    assert keys_of("ours", BROKER_CLASSES)["listenPort"].here == "used", "in one of the two classes that have it"


def test_keys_that_count_at_a_start_only_are_those_that_a_broker_refuses_while_it_runs() -> None:
    used = {name for name, key in keys_of("ours", BROKER_CLASSES).items() if key.here == "used"}
    assert start_only() == (START_ONLY | set(ALWAYS_FORBIDDEN.split(";"))) & used
    assert used >= START_ONLY


def test_the_table_is_current() -> None:
    script = ROOT / "scripts" / "gen_lint_keys.py"
    ran = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()


@pytest.mark.parametrize(
    ("server", "version", "port"),
    [
        (server, version, port)
        for server, port in (("broker", 10911), ("name server", 9876))
        for version in ("4.9", "5.3", "5.5")
    ],
)
def test_the_port_that_counts_instead_of_a_wrong_one(write: Path, server: str, version: str, port: int) -> None:
    write.write_text("listenPort=10911a\n")
    [finding] = lint(read(str(write), version, server))
    assert f"the default {port} counts" in finding.evidence


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("fileReservedTime=48 # two days", ["lint.comment-behind"]),
        ("autoCreateTopicEnable=true\t#yes", ["lint.comment-behind"]),
        ("flushDiskType=ASYNC_FLUSH ! fast", ["lint.comment-behind"]),
        ("storePathRootDir=/data # the big disk", ["lint.comment-behind"]),
        ("storePathRootDir=/data#1", []),
        ("fileReservedTime=4M # two days", ["lint.bad-number"]),
        ("namesrvAddr=h1:9876;h2:9876", []),
        ("namesrvAddr=h1:9876;h2:9876;", []),
        ("namesrvAddr=h1:9876 h2:9876", ["lint.name-servers"]),
        ("namesrvAddr=h1:9876; h2:9876", ["lint.name-servers"]),
        ("namesrvAddr=h1:9876,h2:9876 # both", ["lint.comment-behind", "lint.name-servers"]),
    ],
)
def test_comments_and_lists_of_name_servers(write: Path, line: str, found: list[str]) -> None:
    write.write_text(line + "\n")
    assert [finding.id for finding in lint(read(str(write), "5.3", "broker"))] == found
    ours = [finding.id for finding in lint(read(str(write), "ours", "broker"))]
    assert ours == [rule for rule in found if rule != "lint.name-servers"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf").rglob("*.conf")) + sorted((ROOT / "conf").rglob("*.properties"))
)
def test_files_that_are_shipped_have_no_finding_for_our_servers(path: Path) -> None:
    assert lint(read(str(path), "ours")) == []


def test_a_key_of_the_servers_here_alone_is_one_of_theirs(write: Path) -> None:
    """A key that Apache's know from elsewhere (`rmqAddressServerDomain`) is nobody's fault."""
    write.write_text("kvConfigPath=/x\naddressServerPort=8080\n")
    (found,) = lint(read(str(write), "5.3"))
    assert (found.id, found.line) == ("lint.other-version", 2) and "a key of ours" in found.evidence
    assert lint(read(str(write), "ours")) == []
    write.write_text("brokerName=a\nrmqAddressServerDomain=h\n")
    assert lint(read(str(write), "5.3")) == lint(read(str(write), "ours")) == []


@pytest.mark.parametrize(
    ("server", "text", "ports"),
    [
        ("broker", "", ["haListenPort"]),
        ("broker", "metricsExporterType=PROM\n", ["haListenPort", "metricsPromExporterPort"]),
        ("broker", "metricsExporterType=PROM\ntls.ha.mode=permissive\ntls.http.mode=enforcing\n", []),
        ("name server", "", []),
        ("name server", "addressServerPort=8080\n", ["addressServerPort"]),
    ],
)
def test_ports_that_enforcing_is_not_for_are_named(write: Path, server: str, text: str, ports: list[str]) -> None:
    write.write_text("tls.server.mode=enforcing\n" + text)
    words = [str(finding) for finding in lint(read(str(write), "ours", server)) if finding.id == "lint.tls"]
    assert len(words) == len(ports) and all(
        f"leaves {port} open" in word for port, word in zip(ports, words, strict=True)
    )
