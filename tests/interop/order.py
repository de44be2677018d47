"""In which order the tests of the suite run, and which of Apache's parts that they share each of them leaves running.

An idle broker of Apache's takes a tenth of a core and more, a client a twentieth. So those that share the same come one
after the other, and what none of the rest shares is ended.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.interop.toolchain import VERSIONS

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

_ROOT = Path(__file__).parents[2]
_VERSION = re.compile(rf"\[.*?({'|'.join(map(re.escape, VERSIONS))})")


class Shared(NamedTuple):
    """What the tests of a file share with those of others."""

    #: The fixture `cluster`, which is of one version after the other.
    cluster: bool
    #: Apache's pairs, `cluster` among them.
    pairs: bool
    #: JVMs with Apache's client.
    drivers: bool


@cache
def shared(file: str) -> Shared:
    """What a file shares, by its text: fixtures are also asked for by name while a test runs."""
    text = (_ROOT / file).read_text(encoding="utf-8")
    cluster = "cluster: Cluster" in text
    pairs = cluster or "apache_pairs" in text
    return Shared(cluster, pairs, pairs or re.search(r"\bdrivers?\b", text) is not None)


def file_of(nodeid: str) -> str:
    """The file of a test, as seen from the root of the project."""
    return nodeid.partition("::")[0]


def version_of(nodeid: str) -> str | None:
    """Of which version's cluster a test is; None where it is not of one, or not of one alone."""
    found = _VERSION.search(nodeid) if shared(file_of(nodeid)).cluster else None
    return found[1] if found is not None else None


def scope(nodeid: str) -> str:
    """What stays together in one process: a file; of what shares clusters, the part of a version; or the test alone."""
    file = file_of(nodeid)
    if file in EACH_WITH_ITS_OWN:
        return nodeid
    return f"{file} {version_of(nodeid) or ''}"


def rank(nodeid: str) -> tuple[bool, bool, bool, bool, str]:
    """By what tests are sorted: those that share most come first."""
    file = file_of(nodeid)
    of = shared(file)
    # What has no version uses the newest of these most: it comes behind.
    return (file in EACH_WITH_ITS_OWN, not of.pairs, not of.drivers, not of.cluster, version_of(nodeid) or "9")
