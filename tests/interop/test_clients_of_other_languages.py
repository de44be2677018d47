"""Apache's Go and C++ clients and the Node client `ali-ons`, signed, through our broker that asks for accounts of both kinds.

Each does at once all that it can besides plain sends: SQL92 subscriptions, transactions with a check-back, delay
levels, times of delivery, ordered consumption, requests with their replies.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop import toolchain
from tests.interop.ours import OurPair
from tests.interop.raw import call
from tests.interop.test_cpp_client import FEATURES, cpp_environment, features

from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner

HERE = Path(__file__).parent
USER, SECRET = "application", "12345678"
KINDS = ("Tags", "Sql", "Ordered", "Later", "Transactions", "Requests", "Batch")
#: What of ten messages with `amount` and `region` the expression of all of them selects.
SELECTED = ["m4", "m6", "m8"]
#: None comes before its time.
LATER = ["level true", "timer true"]


@pytest.fixture(scope="module")
def pair(scratch: Path) -> Iterator[OurPair]:
    """A pair whose broker checks each request by the accounts of 4.x and by the users of 5.x, of the same name."""
    folder = scratch / "other-clients"
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "plain_acl.yml").write_text(
        f"accounts:\n  - {{accessKey: {USER}, secretKey: '{SECRET}', admin: true}}\n"
    )
    ours = OurPair(
        folder,
        settings={
            "aclEnable": "true",
            "rocketmqHome": str(folder),
            "authenticationEnabled": "true",
            "authorizationEnabled": "true",
            "initAuthenticationUser": json.dumps({"username": USER, "password": SECRET}),
            "enablePropertyFilter": "true",
        },
    )
    yield ours
    ours.stop()


def topics(pair: OurPair, prefix: str) -> None:
    """Make a topic of each kind, of one queue."""
    for kind in KINDS:
        fields = {
            "topic": f"{prefix}{kind}", "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1",
            "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        }  # fmt: skip
        request = RemotingCommand.request(17, ext_fields=fields)
        AclSigner(USER, SECRET).sign(request)
        answer = call(pair.broker_address, 17, request.ext_fields, b"", version=request.version)
        assert answer.code == 0, answer.remark


def ran(words: list[str], folder: Path) -> dict[str, list[str]]:
    """The result of a driver; what it writes goes below the folder."""
    folder.mkdir()
    done = subprocess.run(words, capture_output=True, text=True, timeout=90, env={**os.environ, "HOME": str(folder)})
    assert done.returncode == 0, done.stderr
    result: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])["result"]
    return result


def test_go(pair: OurPair, scratch: Path) -> None:
    toolchain.need("go", "the Go client needs a Go toolchain, 1.21 or newer")
    topics(pair, "Go")
    program = toolchain.go_driver(HERE / "go")
    got = ran([str(program), "features", pair.namesrv_address, "Go", USER, SECRET], scratch / "go-features")
    assert got == {
        "Sql": SELECTED,
        "Ordered": [str(number) for number in range(10)],
        "Later": LATER,
        "Transactions": ["commit", "unknown"],
        "Requests": ["question", "QUESTION"],
    }


def test_node(pair: OurPair, scratch: Path) -> None:
    toolchain.need("npm", "the Node client needs Node.js with npm")
    topics(pair, "Node")
    driver = toolchain.node_driver(HERE / "node")
    got = ran(["node", str(driver), pair.namesrv_address, "Node", USER, SECRET], scratch / "node-features")
    tags = [f"m{number} {'abc'[number % 3]} key-m{number}" for number in range(10) if number % 3 < 2]
    assert got == {"Tags": tags, "Sql": SELECTED, "Later": LATER}


def test_cpp(pair: OurPair, scratch: Path) -> None:
    topics(pair, "Cpp")
    assert features(pair.namesrv_address, "Cpp", cpp_environment(scratch), USER, SECRET) == FEATURES
