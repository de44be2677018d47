"""A broker's host around its messages, in copies of hosts and on this machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.host.root import Root
from rocketmq_ops.housekeeping.probe.expectations import Limits
from rocketmq_ops.housekeeping.probe.host import Host, HostSample, Store, resident_share, store_of
from rocketmq_ops.pytest_plugin import rocketmq_server
from tests.housekeeping.host.hosts import Host as Copy
from tests.housekeeping.probe.faulty import CALM, Faulty, probed

ADDRESS = "10.0.0.7:10911"
STORE = Store(["/data/store/commitlog"], "/data/store/lock", 1 << 30)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A host whose process 42 listens at 10911, as a kernel since 4.20 shows it."""
    made = Copy(tmp_path)
    made.put("proc/sys/kernel/hostname", "mq-7")
    made.put("proc/net/fib_trie", "Local:\n  |-- 10.0.0.0\n     /24 link UNICAST\n  |-- 10.0.0.7\n     /32 host LOCAL")
    made.put("proc/net/tcp", "  sl ...\n 0: 0700000A:1234 00000000:0000 01 0:0 00:0 0 0 0 55 1")
    made.put("proc/net/tcp6", f"  sl ...\n 0: {'0' * 32}:2A9F {'0' * 32}:0000 0A 0:0 00:0 0 0 0 4711 1")
    made.put("proc/meminfo", "MemTotal: 1 kB\nDirty:  2000 kB\nWriteback:  1200000 kB\nWritebackTmp: 7 kB")
    made.folder("proc/41/fd", "proc/42/fd")
    (tmp_path / "proc/42/fd/9").symlink_to("socket:[4711]")
    made.put("proc/1/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:44 / /data rw - btrfs /dev/sdb rw")
    made.put("proc/diskstats", "   8 1 sda1 1 0 0 1 1 0 0 1 0 1 1\n   8 16 sdb 10 0 0 20 30 0 0 40 3 50 60")
    advance(made, uptime="100.00 1.0", faults=1000, switches=(5, 6), waited_us=1_000_000)
    return made


def advance(copy: Copy, *, uptime: str, faults: int, switches: tuple[int, int], waited_us: int) -> None:
    copy.put("proc/uptime", uptime)
    copy.put("proc/42/stat", f"42 (java (x) 1) S 1 42 42 0 -1 0 7 8 {faults} 9 1 1")
    for task, count in zip((42, 43), switches, strict=True):
        copy.put(
            f"proc/42/task/{task}/status",
            f"Name:\tjava\nvoluntary_ctxt_switches:\t{count}\nnonvoluntary_ctxt_switches:\t1",
        )
    for kind in ("cpu", "memory", "io"):
        text = f"avg60=0.00 avg300=0.00 total={waited_us}"
        copy.put(f"proc/pressure/{kind}", f"some avg10=12.50 {text}\nfull avg10=0.00 {text}")


def looked(copy: Copy) -> HostSample:
    return Host(Root(str(copy.root))).watch("broker-a", ADDRESS, STORE).sample()


def test_a_host_that_moves_shows_differences(copy: Copy) -> None:
    watch = Host(Root(str(copy.root))).watch("broker-a", ADDRESS, STORE)
    advance(copy, uptime="101.00 1.0", faults=1310, switches=(9, 16), waited_us=3_600_000_000)
    copy.put("proc/meminfo", "Dirty:  1 kB\nWriteback:  0 kB")
    copy.put("proc/diskstats", "   8 16 sdb 12 0 0 30 32 0 0 50 3 50 100")
    sample = watch.sample()
    assert (sample.pid, sample.major_faults, sample.context_switches) == (42, 310, 14)
    assert (sample.dirty_bytes, sample.writeback_bytes) == (2_048_000, 1_228_800_000), "the larger of both looks"
    assert (sample.io_pressure_percent, sample.disk, sample.disk_latency_millis) == (100.0, "sdb", 5.0)
    assert sample.elapsed_millis is not None and sample.disk_queue is not None and sample.disk_queue > 0
    assert sample.clock_step_millis is None, "the clock that was compared is not this host's"
    assert sample.told().startswith(
        "writeback 1.2 GB, dirty 2.0 MB, 310 major faults, 14 context switches, CPU pressure"
    )


def test_a_copy_that_stands_still_has_no_differences(copy: Copy) -> None:
    sample = looked(copy)
    assert (sample.elapsed_millis, sample.major_faults, sample.context_switches) == (None, None, None)
    assert (sample.writeback_bytes, sample.memory_pressure_percent) == (1_228_800_000, 12.5)
    assert (sample.disk_queue, sample.disk_latency_millis) == (3.0, None)
    assert "major faults" in sample.unknown()


def test_a_kernel_without_pressure(copy: Copy) -> None:
    for kind in ("cpu", "memory", "io"):
        (copy.root / "proc/pressure" / kind).unlink()
    sample = looked(copy)
    assert (sample.cpu_pressure_percent, sample.io_pressure_percent) == (None, None)
    assert "pressure" not in sample.told() and "I/O pressure" in sample.unknown()


def test_a_process_of_another_user(copy: Copy) -> None:
    (copy.root / "proc/42/fd/9").unlink()
    sample = looked(copy)
    assert (sample.pid, sample.major_faults, sample.context_switches) == (None, None, None)
    assert sample.dirty_bytes == 2_048_000


def test_which_broker_is_on_a_host(copy: Copy) -> None:
    host = Host(Root(str(copy.root)))
    assert host.has(ADDRESS) and host.has("mq-7.example.org:10911")
    assert not host.has("10.0.0.8:10911"), "another machine's, at the same port"
    assert not host.has("10.0.0.7:4660"), "a connection, and nobody who listens"


def test_where_the_store_is() -> None:
    config = {"storePathRootDir": "/d/store", "storePathCommitLog": "/a,/b"}
    assert store_of(config, {"commitLogMaxOffset": "12"}) == Store(["/a", "/b"], "/d/store/lock", 12)
    assert store_of({"storePathRootDir": "/d"}, {}) == Store(["/d/commitlog"], "/d/lock", None)
    assert store_of({}, {}) == Store([], None, None)


def test_what_of_a_file_is_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "00000000000000000000"
    path.write_bytes(bytes(1 << 16))
    share = resident_share(str(path), 1 << 15)
    assert share is not None and 0 <= share <= 1
    assert resident_share(str(path), 0) is None
    assert resident_share(str(tmp_path / "none")) is None


def test_the_clock_was_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    from rocketmq_ops.housekeeping.probe import host

    watch = Host(Root()).watch("host")
    real = host.now_ms
    monkeypatch.setattr(host, "now_ms", lambda: real() - 1_500_000)
    step = watch.sample().clock_step_millis
    assert step is not None and step < -1_400_000


def test_a_run_on_a_brokers_machine(tmp_path: Path) -> None:
    wanted = msgspec.structs.replace(CALM, limits=CALM.limits | {"deliveryTime": Limits(0.0, None)})
    with rocketmq_server() as pair, History.open(tmp_path / "history.sqlite") as history:
        report = probed(Faulty(), pair.namesrv, wanted=wanted, history=history, host=Host(Root()))
        names = {name for name, target in history.figures(0, 1 << 60) if target == "broker-a"}
        nobody = probed(Faulty(), pair.namesrv, host=Host(Root(str(tmp_path))))
    [sample] = report.hosts
    assert (sample.target, sample.major_faults is None) == ("broker-a", sample.pid is None)
    assert sample.dirty_bytes is not None and sample.elapsed_millis is not None
    assert "host.dirty_bytes" in names
    [late] = [finding for finding in report.findings if finding.id == "probe.late"]
    assert f"its host: {sample.told()}" in late.evidence and "probe --host" not in late.remedy
    [failure] = nobody.failures
    assert failure.target == "host" and "listens on this host" in failure.cause
    assert nobody.hosts[0].figures() == {}
