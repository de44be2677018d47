"""Fixtures of the interop suite: Apache's parts and ours, started once and shared, and every process ended."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.interop import order, toolchain
from tests.interop.apache import Driver, Pair
from tests.interop.cluster import Cluster
from tests.interop.ours import OurPair

T = TypeVar("T")
HERE = "tests/interop/"

_names = itertools.count(1)
_pairs: dict[str, Pair] = {}
_drivers: dict[str, Driver] = {}


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist=loadfile` a process gets what `order.scope` keeps together, in the order of `order.rank`."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler.loadfile import LoadFileScheduling  # only where it is installed

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return order.scope(nodeid) if nodeid.startswith(HERE) else str(super()._split_scope(nodeid))

    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)  # after pytest's own, which has put those with the same parameters together
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.nodeid.startswith(HERE)]
    for item in ours:
        item.add_marker(pytest.mark.interop)
    others = [item for item in items if not item.nodeid.startswith(HERE)]
    items[:] = others + sorted(ours, key=lambda item: order.rank(item.nodeid))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends what this test does not share, and those of its file do not."""
    of, version = order.shared(order.file_of(item.nodeid)), order.version_of(item.nodeid)
    _end(_pairs, Pair.kill, not of.pairs, version)
    _end(_drivers, Driver.close, not of.drivers, version)


def _end(running: dict[str, T], end: Callable[[T], None], all_of_them: bool, but: str | None) -> None:
    for version in list(running):
        if all_of_them or but not in (None, version):
            end(running.pop(version))


@pytest.fixture(scope="session", autouse=True)
def java_tools() -> None:
    """Skips the suite where there is no JDK or Maven; in CI that is a failure."""
    try:
        toolchain.require()
    except toolchain.ToolchainMissingError as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interop")


@pytest.fixture(scope="session")
def drivers(scratch: Path) -> Iterator[Callable[[str], Driver]]:
    """The driver JVM of a version, started at its first use."""

    def get(version: str) -> Driver:
        if version not in _drivers:
            _drivers[version] = Driver(version, scratch / f"driver-{version}-{next(_names)}")
        return _drivers[version]

    yield get
    _end(_drivers, Driver.close, True, None)


@pytest.fixture(scope="session")
def apache_pairs(scratch: Path) -> Iterator[Callable[[str], Pair]]:
    """Apache's pair of a version, started at its first use."""

    def get(version: str) -> Pair:
        if version not in _pairs:
            _pairs[version] = Pair(version, scratch / f"pair-{version}-{next(_names)}")
        return _pairs[version]

    yield get
    _end(_pairs, Pair.kill, True, None)


@pytest.fixture(scope="session")
def pair(scratch: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The pair under test: ours. With INTEROP_PAIR=5.3.3 or 4.9.7 it is Apache's, which tests the tests."""
    version = os.environ.get("INTEROP_PAIR")
    if version:
        yield request.getfixturevalue("apache_pairs")(version)
        return
    ours = OurPair(scratch / "ours")
    yield ours
    ours.stop()


@pytest.fixture(scope="module", params=toolchain.VERSIONS)
def driver(request: pytest.FixtureRequest, drivers: Callable[[str], Driver]) -> Driver:
    """Apache's Java client, each version in turn."""
    return drivers(request.param)


@pytest.fixture
def name() -> Callable[[str], str]:
    """Names of topics, groups and consumers that no other test uses."""
    return lambda what: f"{what}_{next(_names)}"


@pytest.fixture(scope="module", params=toolchain.VERSIONS)
def cluster(
    request: pytest.FixtureRequest, apache_pairs: Callable[[str], Pair], drivers: Callable[[str], Driver]
) -> Cluster:
    return Cluster(apache_pairs(request.param), drivers(request.param))
