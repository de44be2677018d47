"""What is found on hosts of many kinds, by both forms of the check."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.housekeeping.host.catalogue import BY_ID, CATALOGUE
from rocketmq_ops.housekeeping.host.facts import facts_of
from rocketmq_ops.housekeeping.host.items import Item, items_of
from rocketmq_ops.housekeeping.host.root import LARGEST, Root, number
from tests.housekeeping.host.hosts import HOSTS, Host, made
from tests.housekeeping.host.shells import SHELLS, os_sh, shell


def rows(items: list[Item]) -> list[str]:
    return ["id\tstate\tcurrent\twanted", *("\t".join((i.id, i.state, i.current, i.wanted)) for i in items)]


@pytest.mark.parametrize("shell_name", SHELLS)
@pytest.mark.parametrize("host", HOSTS)
def test_both_forms_agree(host: str, shell_name: str, tmp_path: Path) -> None:
    words = shell(shell_name)
    root = made(host, tmp_path / "root")
    done = os_sh(words, "check", "--root", str(root), "--format", "tsv")
    assert done.stdout.splitlines() == rows(items_of(Root(str(root))))
    assert done.stderr == ""


@pytest.mark.parametrize("shell_name", SHELLS)
def test_both_forms_agree_on_this_machine(shell_name: str) -> None:
    done = os_sh(shell(shell_name), "--format", "tsv")
    assert done.stdout.splitlines() == rows(items_of(Root()))


@pytest.mark.parametrize("shell_name", SHELLS)
@pytest.mark.parametrize(
    ("store", "wanted"),
    [
        ("/data/store", ["mount.type:/data", "mount.atime:/data", "mount.barrier:/data", "mount.sync:/data"]),
        ("/data", ["mount.type:/data", "mount.atime:/data", "mount.barrier:/data", "mount.sync:/data"]),
        ("/database/", ["mount.type:/", "mount.atime:/", "mount.barrier:/", "mount.sync:/"]),
    ],
)
def test_the_mount_of_a_store_alone(store: str, wanted: list[str], shell_name: str, tmp_path: Path) -> None:
    words = shell(shell_name)
    host = Host(tmp_path)
    host.mounts("overlay / overlay rw 0 0", "server:/x /data nfs4 rw,relatime 0 0")
    items = items_of(Root(str(tmp_path)), store)
    assert [item.id for item in items if item.id.startswith("mount.")] == wanted
    assert os_sh(words, "--root", str(tmp_path), "--store", store, "--format", "tsv").stdout.splitlines() == rows(items)
    assert next(item for item in items if item.id == wanted[0]).state == "change", "neither is a disk of this host"


#: What is to be seen on which host: id -> (state, current).
SEEN: dict[str, dict[str, tuple[str, str]]] = {
    "rotating_disks": {
        "vm.swappiness": ("change", "30"),
        "memory.hugepages": ("change", "512"),
        "net.ipv4.ip_local_port_range": ("change", "1024 65000"),
        "disk.scheduler:sda": ("change", "bfq"),
        "disk.scheduler:sdb": ("ok", "mq-deadline"),
        "disk.scheduler:dm-0": ("na", "none"),
        "disk.read-ahead:sda": ("ok", "128"),
        "disk.read-ahead:sdb": ("change", "4096"),
        "clock.sync": ("ok", "chronyd"),
        "mount.type:/btr": ("change", "btrfs"),
        "mount.atime:/data\\040disk": ("ok", "noatime"),
        "mount.barrier:/data\\040disk": ("ok", "on"),
        "mount.barrier:/sync": ("change", "off"),
        "mount.sync:/sync": ("change", "sync"),
    },
    "fast_disks": {
        "vm.dirty_ratio": ("na", "0"),
        "vm.dirty_background_ratio": ("na", "0"),
        "vm.max_map_count": ("ok", "1048576"),
        "fs.file-max": ("ok", "9223372036854775807"),
        "disk.scheduler:nvme0n1": ("ok", "none"),
        "disk.scheduler:nvme1n1": ("change", "bfq"),
        "limit.memlock": ("ok", "unlimited"),
        "limit.nproc": ("ok", "unlimited"),
        "cgroup.memory": ("na", "none"),
        "thp.enabled": ("ok", "madvise"),
    },
    "virtual_machine": {
        "vm.swappiness": ("na", "60"),
        "memory.swap": ("ok", "0 KiB"),
        "vm.zone_reclaim_mode": ("na", "missing"),
        "clock.source": ("ok", "kvm-clock"),
        "disk.scheduler:vda": ("ok", "mq-deadline"),
        "disk.scheduler:sda": ("change", "bfq"),
        "mount.type:/srv/rocketmq": ("ok", "ext4"),
    },
    "container": {
        "cgroup.memory": ("change", "2048 MiB"),
        "cgroup.cpu": ("change", "1.50 CPUs"),
        "net.core.netdev_max_backlog": ("unknown", "unreadable"),
        "clock.sync": ("na", "the host's"),
        "mount.type": ("unknown", "unreadable"),
    },
    "old_container": {"cgroup.memory": ("ok", "8192 MiB"), "cgroup.cpu": ("ok", "4.00 CPUs")},
    "limited_unit": {"cgroup.memory": ("ok", "6144 MiB"), "cgroup.cpu": ("change", "0.33 CPUs")},
    "old_kernel": {
        "kernel.version": ("ok", "3.10.0-1160.el7.x86_64"),
        "vm.watermark_scale_factor": ("na", "missing"),
        "vm.overcommit_memory": ("change", "2"),
        "vm.dirty_writeback_centisecs": ("change", "360000"),
        "net.ipv4.tcp_tw_recycle": ("change", "1"),
        "net.ipv4.tcp_rmem": ("change", "4096 87380 4194304"),
        "disk.scheduler:sda": ("change", "cfq"),
        "disk.scheduler:cciss!c0d0": ("ok", "deadline"),
        "thp.defrag": ("change", "always"),
        "clock.source": ("change", "hpet"),
    },
    "ancient_kernel": {
        "kernel.version": ("change", "2.6.32-754.el6.x86_64"),
        "disk.scheduler:sda": ("unknown", "cfq"),
    },
    "broken": {
        "kernel.version": ("unknown", "Linux"),
        "vm.swappiness": ("unknown", "unreadable"),
        "vm.overcommit_memory": ("unknown", "unreadable"),
        "vm.max_map_count": ("unknown", "many"),
        "net.core.somaxconn": ("na", "missing"),
        "memory.swap": ("unknown", "unreadable"),
        "limit.nofile": ("unknown", "unreadable"),
    },
    "empty": {"vm.swappiness": ("unknown", "unreadable"), "disk.scheduler": ("unknown", "unreadable")},
}


@pytest.mark.parametrize("host", SEEN)
def test_what_is_seen(host: str, tmp_path: Path) -> None:
    found = {item.id: (str(item.state), item.current) for item in items_of(Root(str(made(host, tmp_path / "root"))))}
    assert {name: found[name] for name in SEEN[host]} == SEEN[host]


def test_what_a_file_would_set(tmp_path: Path) -> None:
    def values(host: str) -> dict[str, str]:
        return {item.id: item.value for item in items_of(Root(str(made(host, tmp_path / host))))}

    old, virtual, rotating = values("old_kernel"), values("virtual_machine"), values("rotating_disks")
    assert old["disk.scheduler:sda"] == "deadline", "no mq-deadline before blk-mq"
    assert old["disk.scheduler:sdb"] == "noop", "and no none"
    assert virtual["disk.scheduler:sda"] == "none"
    assert rotating["disk.scheduler:sda"] == "mq-deadline"
    assert old["net.ipv4.tcp_rmem"] == "4096 87380 6291456"
    assert old["limit.nproc"] == "32768:127000", "the hard limit is not lowered"
    assert rotating["vm.min_free_kbytes"] == "1048576"
    assert values("arm_machine")["vm.min_free_kbytes"] == "50000", "never more than 5 %"


@pytest.mark.parametrize(
    ("host", "container", "virtual"),
    [
        ("rotating_disks", False, False),
        ("virtual_machine", False, True),
        ("arm_machine", False, True),
        ("container", True, False),
        ("old_container", True, False),
        ("limited_unit", False, False),
    ],
)
def test_what_kind_of_host(host: str, container: bool, virtual: bool, tmp_path: Path) -> None:
    facts = facts_of(Root(str(made(host, tmp_path / "root"))))
    assert (facts.container, facts.virtual) == (container, virtual)


def test_every_item_is_declared_and_says_why(tmp_path: Path) -> None:
    for host in HOSTS:
        items = items_of(Root(str(made(host, tmp_path / host))))
        assert len({item.id for item in items}) == len(items)
        assert {item.id.partition(":")[0] for item in items} <= BY_ID.keys()
    assert len(BY_ID) == len(CATALOGUE)
    assert all(declared.why and declared.source for declared in CATALOGUE)


def test_numbers() -> None:
    assert [number(text) for text in ("0", "12", "9" * 30)] == [0, 12, LARGEST]
    assert [number(text) for text in ("", "-1", "007", "1 2", "x", "1\n")] == [None] * 6


def test_a_check_opens_nothing_for_writing(tmp_path: Path) -> None:
    root = made("rotating_disks", tmp_path / "root")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    items_of(Root(str(root)))
    os_sh(shell("dash"), "plan", "--root", str(root))
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
