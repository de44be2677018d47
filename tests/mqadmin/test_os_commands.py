"""`mqadmin os`: the host's settings on the command line, always on a copy of a host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rocketmq_ops.housekeeping.host import changes
from rocketmq_ops.housekeeping.host.dropins import SYSCTL
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from tests.housekeeping.host.hosts import Host, made, tree
from tests.housekeeping.host.shells import SCRIPT, os_sh, shell
from tests.mqadmin.conftest import Cli
from tests.mqadmin.json_schema import problems, schema_of


@pytest.fixture
def host(tmp_path: Path) -> Path:
    return made("old_kernel", tmp_path / "host")


@pytest.mark.parametrize("name", ["old_kernel", "container", "broken"])
def test_the_json_has_the_rows_of_the_script(name: str, cli: Cli, tmp_path: Path) -> None:
    root = made(name, tmp_path / "host")
    ran = cli(None, "os", "check", "--root", str(root), "--output", "json")
    assert ran.code == 0
    assert not problems(ran.json, schema_of("os check"))
    tsv = os_sh(shell("dash"), "check", "--root", str(root), "--format", "tsv").stdout.splitlines()
    names = tsv[0].split("\t")
    items = ran.json["data"]["items"]
    assert [[item[key] for key in names] for item in items] == [line.split("\t") for line in tsv[1:]]
    assert sum(ran.json["data"]["counts"].values()) == len(items)


def test_the_table_says_why(cli: Cli, host: Path) -> None:
    ran = cli(None, "os", "check", "--root", str(host))
    assert ran.code == 0
    assert "disk.scheduler:sda" in ran.out
    assert "  net.ipv4.tcp_tw_recycle: drops connections of clients behind NAT" in ran.out
    names = cli(None, "os", "check", "--root", str(host), "--output", "name").out.splitlines()
    assert "vm.swappiness" in names


def test_sizes_for_apache_respect_the_limit_of_the_group(cli: Cli, tmp_path: Path) -> None:
    root = made("container", tmp_path / "host")
    ran = cli(None, "os", "check", "--root", str(root), "--for", "apache", "--output", "json")
    sizes = ran.json["data"]["apache"]
    assert sizes["memory"] == 2048
    assert (sizes["brokerHeap"], sizes["brokerDirect"], sizes["namesrvHeap"]) == (384, 192, 192)
    assert sizes["brokerHeap"] + sizes["brokerDirect"] + sizes["namesrvHeap"] + sizes["pageCache"] + 512 == 2048
    assert sizes["lines"][-1] == (
        'export JAVA_OPT_EXT="-Xms384m -Xmx384m -Xmn192m -XX:G1HeapRegionSize=1m -XX:MaxDirectMemorySize=192m"'
    )
    big = made("fast_disks", tmp_path / "big")
    assert "-Xmx8192m" in cli(None, "os", "check", "--root", str(big), "--for", "apache").out
    small = Host(tmp_path / "small")
    small.put("proc/meminfo", "MemTotal: 500000 kB")
    ran = cli(None, "os", "check", "--root", str(small.root), "--for", "apache")
    assert ran.code == ExitCode.FAILED
    assert "488 MiB are too little" in ran.err


def test_plan_apply_apply_undo_undo(cli: Cli, host: Path) -> None:
    before = tree(host)
    where = ("--root", str(host))
    planned = cli(None, "os", "plan", *where, "--output", "json")
    assert planned.json["status"] == "planned"
    assert not problems(planned.json, schema_of("os plan"))
    assert cli(None, "os", "apply", *where, "--plan", "--output", "json").json["data"] == planned.json["data"]
    assert tree(host) == before

    applied = cli(None, "os", "apply", *where)
    assert applied.code == 0
    assert f"wrote /{SYSCTL}" in applied.out
    assert {file["path"]: file["text"] for file in planned.json["data"]["files"]} == {
        file["path"]: (host / file["path"]).read_text() for file in planned.json["data"]["files"]
    }
    again = cli(None, "os", "apply", *where, "--output", "json")
    assert (again.code, again.json["status"]) == (0, "unchanged")

    would = cli(None, "os", "undo", *where, "--plan", "--output", "json")
    assert would.json["status"] == "planned"
    assert {file["action"] for file in would.json["data"]["files"]} == {"remove"}
    assert cli(None, "os", "undo", *where).code == 0
    assert tree(host) == before
    assert cli(None, "os", "undo", *where).code == ExitCode.NO_EFFECT


def test_what_is_refused(cli: Cli, host: Path) -> None:
    cli(None, "os", "apply", "--root", str(host))
    (host / SYSCTL).write_text("mine\n")
    ran = cli(None, "os", "undo", "--root", str(host))
    assert ran.code == ExitCode.REFUSED
    assert f"changed by somebody since it was applied: /{SYSCTL}; undo would lose that" in ran.err
    assert cli(None, "os", "undo", "--root", str(host), "--force").code == 0
    missing = cli(None, "os", "check", "--root", str(host / "nothing"))
    assert missing.code == ExitCode.NOT_FOUND
    assert "no such folder" in missing.err
    assert cli(None, "os", "check", "--store", "data").code == ExitCode.USAGE


def test_on_the_machine_itself_it_needs_root(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy passes for the machine; it stays as it is."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    root = changes.root_of(str(host))
    plan = changes.plan_of(root)
    monkeypatch.setattr(type(root), "is_this_host", property(lambda _: True))
    before = tree(host)
    with pytest.raises(changes.RefusedError, match="which only root may"):
        changes.apply(root, plan)
    assert tree(host) == before


def test_measure(cli: Cli, tmp_path: Path) -> None:
    ran = cli(None, "os", "measure", str(tmp_path), "--mib", "4", "--seconds", "1", "--output", "json")
    assert ran.code == 0
    assert not problems(ran.json, schema_of("os measure"))
    assert ran.json["data"]["bytes"] <= 4 << 20
    table = cli(None, "os", "measure", str(tmp_path), "--mib", "4", "--seconds", "1").out
    assert "flushDiskType=SYNC_FLUSH would add" in table
    assert list(tmp_path.iterdir()) == []
    few = cli(None, "os", "measure", str(tmp_path), "--mib", "3")
    assert few.code == ExitCode.USAGE
    assert "too few --mib" in few.err


def test_the_script_is_handed_out_byte_for_byte(cli: Cli, tmp_path: Path, host: Path) -> None:
    printed = cli(None, "os", "script").out
    assert printed.encode() == SCRIPT.read_bytes()
    data = cli(None, "os", "script", "--output", "json").json["data"]
    assert data["script"] == printed and Path(data["path"]).read_bytes() == printed.encode()
    copy = tmp_path / "os.sh"
    copy.write_text(printed)
    ran = subprocess.run(["sh", str(copy), "check", "--root", str(host)], capture_output=True, text=True, check=True)
    assert "vm.swappiness" in ran.stdout
