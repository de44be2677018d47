"""Property files as they circulate: what Apache's broker makes of them, and one file for its broker and ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.apache import Broker
from tests.interop.ours import BIN, OurNameServer, write_config
from tests.interop.processes import Child
from tests.interop.raw import call, wait_for_route
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.codes import RequestCode

#: Keys of old versions and other spellings, as people copy them.
COPIED = {
    "deletewhen": "05",
    "fileReservedTime": "48",
    "mapedFileSizeCommitLog": "1048576",
    "mapedFileSizeConsumeQueue": "300000",
    "storePathConsumeQueue": "./consumequeue",
    "storePathIndex": "./index",
    "storeCheckpoint": "./checkpoint",
    "abortFile": "./abort",
    "checkTransactionMessageEnable": "false",
}
#: What ours refuses, and what Apache's makes of it without a word.
MISTAKES = {
    "flushDelayOffsetInterval": ("5000 ", "10000"),
    "traceTopicEnable": ("true ", "false"),
    "maxMessageSize": ("4M", "4194304"),
    "maxTransferCountOnMessageInMemory": ("", "32"),
    "rejectTransactionMessage": ("yes", "false"),
    "deleteWhen": ("25", "25"),
}
QUEUES = range(4)


def send(address: str) -> None:
    fields = {
        "producerGroup": "copied", "topic": "Copied", "defaultTopic": "TBW102", "defaultTopicQueueNums": "4",
        "queueId": "1", "sysFlag": "0", "bornTimestamp": "1", "flag": "0", "properties": "", "reconsumeTimes": "0",
        "unitMode": "false", "batch": "false",
    }  # fmt: skip
    answer = call(address, RequestCode.SEND_MESSAGE, fields, b"x")
    assert answer.code == 0, answer.remark


def end_of_queue(address: str) -> str:
    return call(address, RequestCode.GET_MAX_OFFSET, {"topic": "Copied", "queueId": "1"}).ext_fields["offset"]


@pytest.mark.parametrize("version", VERSIONS)
def test_one_file_serves_apaches_broker_and_ours_on_one_store(tmp_path: Path, version: str) -> None:
    namesrv = OurNameServer(tmp_path / "namesrv")
    namesrv.child.wait_for("boot success")
    mistakes = {key: text for key, (text, _) in MISTAKES.items()}
    apache = Broker(
        version, tmp_path / "apache", namesrv.address, settings={**COPIED, **mistakes}, small=False, heap="768m"
    )
    ours: Child | None = None
    try:
        apache.wait_ready()
        wait_for_route(namesrv.address, "TBW102", apache.name)
        body = call(apache.address, RequestCode.GET_BROKER_CONFIG).body.decode()
        shown = parse_properties(body)
        assert {key: shown[key] for key in MISTAKES} == {key: taken for key, (_, taken) in MISTAKES.items()}
        assert (shown["mappedFileSizeCommitLog"], shown["mappedFileSizeConsumeQueue"]) == ("1073741824", "6000000")
        assert shown["deleteWhen"] != COPIED["deletewhen"]
        send(apache.address)
        apache.child.stop()
        file = parse_properties((tmp_path / "apache" / "broker.conf").read_text())
        conf = write_config(tmp_path / "broker.conf", {k: v for k, v in file.items() if k not in MISTAKES})
        ours = Child("our broker", [str(BIN / "mqbroker"), "-c", str(conf)], cwd=tmp_path / "ours")
        ours.wait_for("boot success")
        assert end_of_queue(apache.address) == "1"
        send(apache.address)
        ours.stop()
        assert not any((tmp_path / "ours").iterdir())
        again = Broker(
            version, tmp_path / "again", namesrv.address, store=apache.store, settings=COPIED, small=False, heap="768m"
        )
        apache = again
        again.wait_ready()
        assert end_of_queue(again.address) == "2"
    finally:
        apache.child.kill()
        if ours is not None:
            ours.kill()
        namesrv.child.kill()
