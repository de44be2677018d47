"""Fixtures of the interop suite: Apache's parts and ours, started once and shared, and every process ended."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop import toolchain
from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.cluster import Cluster
from tests.interop.ours import OurPair

# Each test of these starts servers of its own, and shares none: they are what processes get that have done the rest.
EACH_WITH_ITS_OWN = {
    f"tests/interop/test_{name}.py"
    for name in (
        "predictions",
        "salvage",
        "property_files",
        "timers",
        "machine_faults",
        "replication",
        "slave_tables",
        "failover",
        "layouts",
    )
}

_names = itertools.count(1)
_pairs: dict[str, Pair] = {}


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist=loadfile` the tests of a file stay together, but those that share nothing."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler.loadfile import LoadFileScheduling  # only where it is installed

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return nodeid if file in EACH_WITH_ITS_OWN else file

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Ends Apache's pairs in a process that has come to the tests that use none: they take a good part of a core idle."""
    if hasattr(item.config, "workerinput") and item.nodeid.partition("::")[0] in EACH_WITH_ITS_OWN:
        _end_pairs()


def _end_pairs() -> None:
    while _pairs:
        _pairs.popitem()[1].kill()


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
    running: dict[str, Driver] = {}

    def get(version: str) -> Driver:
        if version not in running:
            running[version] = Driver(version, scratch / f"driver-{version}")
        return running[version]

    yield get
    for driver in running.values():
        driver.close()


@pytest.fixture(scope="session")
def apache_pairs(scratch: Path) -> Iterator[Callable[[str], Pair]]:
    """Apache's pair of a version, started at its first use."""

    def get(version: str) -> Pair:
        if version not in _pairs:
            _pairs[version] = Pair(version, scratch / f"pair-{version}-{next(_names)}")
        return _pairs[version]

    yield get
    _end_pairs()


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


@pytest.fixture(scope="session", params=toolchain.VERSIONS)
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
    found = Cluster(apache_pairs(request.param), drivers(request.param))
    # In its first second 4.9.7's broker has no figures yet and answers with an exception.
    wait_until(lambda: found.run("brokerStatus", "-b", found.pair.broker_address).code == 0, "the broker has figures")
    return found
