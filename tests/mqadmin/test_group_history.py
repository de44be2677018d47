"""`group history` and `group restore` on a name server and a broker of our own, over a history made by its recorder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.bundle.bundle import Bundle, write_bundle
from rocketmq_ops.housekeeping.doctor.facts import Facts
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.history.runs import Run as Seen
from rocketmq_ops.housekeeping.history.slice import slice_of
from rocketmq_ops.housekeeping.probe.groups import gather
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.entries import records
from rocketmq_ops.mqadmin.journal.file import JournalFile
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran
from tests.mqadmin.json_schema import problems, schema_of

Run = Callable[..., Ran]
MINUTE = 60_000
START = 1_700_000_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def run(server: RocketMQBroker, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, code: int = 0, form: str = "json", anywhere: bool = False) -> Ran:
        capsys.readouterr()
        got = mqadmin.run([*words, *(() if anywhere else ("-n", server.namesrv)), "--output", form])
        captured = capsys.readouterr()
        assert got == code, captured.err
        return Ran(got, captured.out, captured.err)

    return call


def record(server: RocketMQBroker, time_ms: int) -> None:
    """What the recorder sees now, as if it were that time."""

    async def once() -> Seen:
        async with MQAdmin([server.namesrv]) as admin:
            seen = await gather(admin, await admin.cluster.one_each())
            assert not seen.failures
            return Seen(time_ms=time_ms, groups=list(seen.groups.values()))

    seen = asyncio.run(once())
    with History.open(history_file([server.namesrv])) as history:
        history.append(seen)


def prepared(run: Run, topic: str, group: str) -> None:
    run("updateTopic", "-c", "DefaultCluster", "-t", topic, "-r", "2", "-w", "2")
    run("updateSubGroup", "-c", "DefaultCluster", "-g", group)
    for _ in range(5):
        run("sendMessage", "-t", topic, "-p", "x", "-b", "broker-a", "-i", "0")


def at(run: Run, server: RocketMQBroker, topic: str, group: str, offset: int) -> None:
    run("resetOffsetByTime", "-g", group, "-t", topic, "-s", "0", "-b", server.broker, "-q", "0", "-o", str(offset))


def offsets(run: Run, topic: str, group: str) -> dict[int, Any]:
    found = run("consumerProgress", "-g", group, "-t", topic).json["data"]["group"]["queues"]
    return {queue["queueId"]: queue["consumerOffset"] for queue in found}


def test_offsets_go_back_and_forth(run: Run, server: RocketMQBroker) -> None:
    prepared(run, "Back", "GBack")
    for number, offset in enumerate((1, 2, 4)):
        at(run, server, "Back", "GBack", offset)
        record(server, START + number * MINUTE)
    words = ("group", "restore", "-g", "GBack", "--at", str(START + MINUTE + 30_000))
    planned = run(*words, "--plan").json
    assert offsets(run, "Back", "GBack")[0] == 4
    (queue,) = [q for q in planned["data"]["queues"] if q["topic"] == "Back" and q["queueId"] == 0]
    assert (queue["recorded"], queue["before"], queue["target"], queue["state"]) == (2, 4, 2, "planned")
    assert planned["data"]["recordedTime"] == START + MINUTE
    done = run(*words, "--yes").json
    assert not problems(done, schema_of("group restore"))
    assert done["status"] == "ok"
    assert offsets(run, "Back", "GBack")[0] == 2
    change = str(max(records(JournalFile())))
    assert run("group", "restore", "--undo", change, "--plan", anywhere=True).json["status"] == "planned"
    undone = run("group", "restore", "--undo", change, "--yes", anywhere=True).json
    assert not problems(undone, schema_of("group restore"))
    assert offsets(run, "Back", "GBack")[0] == 4
    assert records(JournalFile())[int(change)].undone_by
    run("undo", str(max(records(JournalFile()))), "--yes", anywhere=True)
    assert offsets(run, "Back", "GBack")[0] == 2
    assert run(*words, "--yes").json["status"] == "unchanged"


def test_what_cannot_be_restored_is_said(run: Run, server: RocketMQBroker) -> None:
    prepared(run, "Part", "GPart")
    at(run, server, "Part", "GPart", 1)
    queues = [
        QueueOffsets(QueueKey("Part", "broker-a", 0), 90, 90),
        QueueOffsets(QueueKey("Part", "broker-a", 1), 5, None),
        QueueOffsets(QueueKey("Part", "broker-a", 7), 5, 3),
        QueueOffsets(QueueKey("Part", "broker-z", 0), 5, 3),
    ]
    with History.open(history_file([server.namesrv])) as history:
        history.append(Seen(time_ms=START, groups=[GroupOffsets(group="GPart", queues=queues)]))
    ran = run("group", "restore", "-g", "GPart", "--at", str(START), "--yes", code=ExitCode.PARTIAL)
    notes = " ".join(ran.json["notes"])
    assert "Part broker-a:0: the recorded offset 90 lies beyond the queue's end, 5" in notes
    assert "Part broker-a:1: no offset was recorded" in notes
    assert "Part broker-a:7: the topic no longer has this queue" in notes
    assert [error["target"] for error in ran.json["errors"]] == ["broker-z"]
    assert offsets(run, "Part", "GPart")[0] == 5


def test_times_and_groups_without_a_record_are_named(run: Run, server: RocketMQBroker) -> None:
    words = ("group", "restore", "-g", "Nobody", "--yes", "--at")
    assert "there is no history yet" in run(*words, str(START), code=ExitCode.NOT_FOUND).err
    prepared(run, "Known", "GKnown")
    record(server, START)
    assert "is before the oldest record" in run(*words, str(START - 1), code=ExitCode.NOT_FOUND).err
    assert "saw no offset of group 'Nobody'" in run(*words, str(START), code=ExitCode.NOT_FOUND).err
    assert "invalid time '25:00'" in run(*words, "25:00", code=ExitCode.USAGE).err
    assert "there is no change 99" in run("group", "restore", "--undo", "99", code=ExitCode.NOT_FOUND).err
    run("group", "restore", "--at", "14:05", code=ExitCode.USAGE)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A group that falls behind, is not seen at two runs, and goes back once; its broker restarts."""
    path = tmp_path / "h.sqlite"
    with History.open(path) as history:
        for number in range(120):
            committed = 10 * number if number < 100 else 10 * number - 500
            queue = QueueOffsets(QueueKey("T", "broker-a", 0), 20 * number, committed)
            seen = Seen(
                time_ms=START + number * MINUTE,
                groups=[] if number in (50, 51) else [GroupOffsets(group="G", queues=[queue], members=2)],
                figures=[Figure("broker.boot_ms", "10.0.0.1:10911", 1.0 if number < 30 else 2.0)],
            )
            history.append(seen)
    return str(path)


def test_the_lag_is_shown_with_its_gaps_and_events(run: Run, file: str, utc: None) -> None:
    words = (
        "group",
        "history",
        "-g",
        "G",
        "--history",
        file,
        "--since",
        str(START),
        "--until",
        str(START + 119 * MINUTE),
    )
    document = run(*words, anywhere=True).json
    assert not problems(document, schema_of("group history"))
    points = document["data"]["points"]
    assert [point["lag"] for point in points[48:53]] == [480, 490, None, None, 520]
    assert [(e["time"], e["kind"], e["target"]) for e in document["data"]["events"]] == [
        (START + 30 * MINUTE, "restarted", "10.0.0.1:10911"),
        (START + 100 * MINUTE, "rewound", "T broker-a:0"),
    ]
    assert document["data"]["state"] == "slow"
    table = run(*words, form="table", anywhere=True).out
    assert "its offset went back from 990 to 500" in table
    assert "?" in table
    rows = run(*words, form="csv", anywhere=True).out.splitlines()
    assert rows[0] == "time,lag,consumed,members"
    assert rows[51] == f"{START + 50 * MINUTE},,,"
    assert len(rows) == 121


def test_a_group_that_no_run_saw_and_a_time_without_runs_are_said(run: Run, file: str) -> None:
    words = ("group", "history", "--history", file, "--since", str(START), "--until", str(START + MINUTE))
    nobody = run(*words, "-g", "Nobody", anywhere=True, code=ExitCode.NOT_FOUND)
    assert "no run of the history saw an offset of group 'Nobody'" in nobody.err
    ran = run("group", "history", "--history", file, "-g", "G", "--since", "1", "--until", "2", anywhere=True)
    assert ran.json["status"] == "empty"
    assert "120 runs" in ran.json["notes"][1]
    usage = run("group", "history", "-g", "G", "--last", "1h", "--since", "1", code=ExitCode.USAGE)
    assert "--last does not go with --since" in usage.err
    assert "invalid time '6'" in run("group", "history", "-g", "G", "--last", "6", code=ExitCode.USAGE).err
    assert "expected at most 36500d" in run("group", "history", "-g", "G", "--last", "99999d", code=ExitCode.USAGE).err
    whole = run("group", "history", "--history", file, "-g", "G", "--last", "36500d", anywhere=True)
    assert len(whole.json["data"]["points"]) == 120


def test_a_history_without_a_run(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    words = ("group", "history", "-g", "G", "--history", str(path))
    path.touch()
    assert "there is no history yet" in run(*words, anywhere=True, code=ExitCode.NOT_FOUND).err
    History.open(path).close()
    assert "has no run yet" in run(*words, anywhere=True, code=ExitCode.NOT_FOUND).err


def test_capacity_shows_each_line_that_it_read_from(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    with History.open(path) as history:
        for number in range(40):
            queue = QueueOffsets(QueueKey("T", "broker-a", 0), 600 * number, 0)
            figures = [
                Figure("broker.disk_ratio", "10.0.0.1:10911", 0.5 + number / 1000),
                Figure("broker.reserved_hours", "10.0.0.1:10911", 72),
            ]
            groups = [GroupOffsets(group="G", queues=[queue])]
            history.append(Seen(time_ms=START + number * MINUTE, groups=groups, figures=figures))
    words = ("capacity", "--history", str(path), "--since", str(START), "--until", str(START + 60 * MINUTE))
    document = run(*words, anywhere=True).json
    assert not problems(document, schema_of("capacity"))
    assert [forecast["outlook"] for forecast in document["data"]["forecasts"]] == ["at", "at", "never"]
    table = run(*words, form="table", anywhere=True).out
    assert "never: grows by 10/s" in table
    assert re.search(r" 5h1\S* from now ", table)
    assert "+144.00%/day" in table
    assert any("read in this machine's time zone (UTC" in note for note in document["notes"])
    empty = run("capacity", "--history", str(path), "--since", "1", "--until", "2", anywhere=True).json
    assert empty["status"] == "empty"
    assert "the history reaches from" in empty["notes"][0]


def test_history_and_capacity_of_a_bundle(run: Run, file: str, tmp_path: Path) -> None:
    with History.read(Path(file)) as history:
        data = slice_of(history, str)
    facts = Facts(taken_at=START + 121 * MINUTE)
    path = tmp_path / "b"
    write_bundle(str(path), Bundle(made_by="test", facts=facts, history=data))
    found = run("group", "history", "-g", "G", "--from", str(path), anywhere=True).json["data"]
    assert len(found["points"]) == 120 and found["state"] == "slow"
    lines = run("capacity", "--from", str(path), anywhere=True).json["data"]
    assert (lines["runs"], [each["name"] for each in lines["growers"]]) == (120, ["T", "G"])
    both = run("group", "history", "-g", "G", "--from", str(path), "--history", file, code=ExitCode.USAGE)
    assert "--from and --history are both given" in both.err
