"""Measuring a disk: what is written, when it ends, and where it is refused."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import NoSuchPathError, RocketMQError
from rocketmq_ops.housekeeping.host import measure as measuring
from rocketmq_ops.housekeeping.host.measure import latency_of, measure
from rocketmq_ops.housekeeping.host.record import RefusedError
from rocketmq_ops.store.files.filesystem import OsFileSystem
from tests.server_process import started

MIB = 1 << 20


def ticking(step: float) -> Callable[[], float]:
    """A clock that goes on by `step` seconds each time that somebody looks."""
    ticks = itertools.count()
    return lambda: next(ticks) * step


def test_the_bytes_bound_it(tmp_path: Path) -> None:
    data = measure(str(tmp_path), seconds=1000, most_bytes=8 * MIB, clock=ticking(0.001))
    assert (data.sequential.writes, data.sequential.bytes) == (4, 4 * MIB)
    assert (data.sync.count, data.random.writes) == (512, 512), "2 MiB of pages each"
    assert data.bytes == 8 * MIB
    assert (data.sync.p50, data.sync.p99, data.sync.max) == (1000, 1000, 1000), "by the clock that was given"
    assert data.sync.p999 is None, "512 are too few to say"
    assert "would add 1.00 ms to each send" in data.notes[0]
    assert "1,000 messages a second" in data.notes[0]
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_the_seconds_bound_it(tmp_path: Path) -> None:
    data = measure(str(tmp_path), seconds=3, most_bytes=64 * MIB, clock=ticking(0.25))
    assert data.sequential.writes == 32, "a clock of a quarter of a second each sync: four of them, the last beyond"
    assert data.sync.count == 4
    assert data.random.writes == 4 * 64
    assert data.random.seconds == 1.0


def test_the_file_is_gone_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_fd: int) -> None:
        assert list(tmp_path.iterdir()) == [], "it never has a name"
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    with pytest.raises(RocketMQError, match="Input/output error"):
        measure(str(tmp_path), seconds=1, most_bytes=4 * MIB)
    assert list(tmp_path.iterdir()) == []


def test_percentiles() -> None:
    samples = [each / 1e6 for each in range(1, 1001)]
    assert msgspec_tuple(latency_of(samples)) == (1000, 500, 900, 990, 999, 1000)
    assert msgspec_tuple(latency_of([0.002])) == (1, 2000, 2000, None, None, 2000)


def msgspec_tuple(latency: measuring.SyncLatency) -> tuple[int | None, ...]:
    return latency.count, latency.p50, latency.p90, latency.p99, latency.p999, latency.max


def test_a_cache_that_answers_is_named(tmp_path: Path) -> None:
    data = measure(str(tmp_path), seconds=1, most_bytes=4 * MIB, clock=ticking(0.00001))
    assert "a cache answers it" in data.notes[1]


@pytest.mark.parametrize("where", ["store", "store/commitlog", "."])
def test_not_where_a_broker_runs(where: str, tmp_path: Path) -> None:
    config = tmp_path / "broker.conf"
    config.write_text(f"listenPort=0\nbindAddress=127.0.0.1\nbrokerIP1=127.0.0.1\nstorePathRootDir={tmp_path}/store\n")
    with started("mqbroker", "-c", str(config), home=tmp_path) as broker, pytest.raises(RefusedError) as refused:
        measure(str(tmp_path / where), seconds=1, most_bytes=4 * MIB)
    assert f"a broker is running on {tmp_path}/store: process {broker.pid}" in refused.value.cause


def test_a_stopped_store_is_measured(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"lock")
    assert measure(str(tmp_path), seconds=1, most_bytes=4 * MIB, clock=ticking(0.01)).bytes > 0


def test_not_where_it_would_fill_the_disk(tmp_path: Path) -> None:
    total = OsFileSystem().disk_usage(str(tmp_path)).total
    with pytest.raises(RefusedError, match="where brokers refuse to store"):
        measure(str(tmp_path), seconds=1, most_bytes=2 * total)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(NoSuchPathError, match="no such folder"):
        measure(str(tmp_path / "nothing"), seconds=1, most_bytes=4 * MIB)
