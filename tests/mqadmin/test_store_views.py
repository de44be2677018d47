"""The commands that look into a store: every output form, exit codes, and that nothing in the store changes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.render.plot import bar_plot, bucketed
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.message_store import MessageStore
from tests.golden_data import manifest, unpack_store
from tests.mqadmin.conftest import Cli
from tests.store.inspect.views import SMALL, dumped, fill, flip, message


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_store("5.3.3-clean", tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def messages(root: Path) -> list[dict[str, Any]]:
    return dumped(root)


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_jsonl_is_the_manifest(cli: Cli, root: Path) -> None:
    ran = cli(None, "store", "dump", str(root), "--output", "jsonl")
    assert (ran.code, ran.err) == (0, "")
    found = {(m["topic"], m["queueId"], m["queueOffset"]): m for m in lines(ran.out)}
    for line in manifest("5.3.3-clean"):
        properties = {k: v for k, v in line["properties"].items() if k not in ("MIN_OFFSET", "MAX_OFFSET")}
        assert found[line["topic"], line["queueId"], line["queueOffset"]] == {**line, "properties": properties}


def test_every_form_has_the_same_messages(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    def ran(form: str) -> str:
        result = cli(None, "store", "dump", str(root), "--output", form)
        assert (result.code, result.err) == (0, "")
        return result.out

    document = json.loads(ran("json"))
    assert (document["command"], document["status"], document["errors"]) == ("store dump", "ok", [])
    assert document["data"]["messages"] == messages
    assert yaml.safe_load(ran("yaml"))["data"]["messages"] == messages
    rows = list(csv.DictReader(io.StringIO(ran("csv"))))
    assert [(r["topic"], int(r["commitLogOffset"])) for r in rows] == [
        (m["topic"], m["commitLogOffset"]) for m in messages
    ]
    assert [json.loads(r["properties"]) for r in rows] == [m["properties"] for m in messages]
    table = ran("table").splitlines()
    assert len(table) == 1 + len(messages)
    assert table[0].split()[:3] == ["OFFSET", "TOPIC", "QUEUE"]


@pytest.mark.parametrize("form", ["json", "yaml", "csv", "jsonl", "table"])
def test_an_empty_answer_is_told(cli: Cli, root: Path, form: str) -> None:
    ran = cli(None, "store", "dump", str(root), "--topic", "Absent", "--output", form)
    assert ran.code == 0
    assert "nothing matches" in ran.err
    if form == "json":
        assert json.loads(ran.out) == {
            "command": "store dump", "schemaVersion": 1, "data": {"messages": []}, "status": "empty", "errors": [], "notes": [],
        }  # fmt: skip
    if form == "yaml":
        assert yaml.safe_load(ran.out)["data"] == {"messages": []}


def test_a_limit(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    ran = cli(None, "store", "dump", str(root), "--limit", "7", "--output", "jsonl")
    assert lines(ran.out) == messages[:7]


def test_filters_of_the_command_line(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    def found(*options: str) -> list[Any]:
        ran = cli(None, "store", "dump", str(root), *options, "--output", "jsonl")
        assert ran.code == 0
        return lines(ran.out)

    one = messages[100]
    assert found("--offset", str(one["commitLogOffset"])) == [one]
    queue = ["-t", one["topic"], "-q", str(one["queueId"])]
    assert found(*queue, "--queue-offset", str(one["queueOffset"])) == [one]
    assert found("--id", one["offsetMsgId"]) == found("--id", one["msgId"]) == [one]
    times = ["--begin", str(one["storeTimestamp"]), "--end", str(one["storeTimestamp"])]
    assert one in found(*times)
    assert {m["storeTimestamp"] for m in found(*times)} == {one["storeTimestamp"]}
    assert [m["properties"]["KEYS"] for m in found("--key", "order-3")] == ["order-3"]
    assert {m["properties"]["TAGS"] for m in found("--tag", "TagA||标签")} == {"TagA", "标签"}
    hits = found("--body-pattern", "订单 1[0-2]$", "--body", "utf8")
    assert [m["body"] for m in hits] == ["hello 订单 10", "hello 订单 11", "hello 订单 12"]


def test_raw_units(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    def found(kind: str, *options: str) -> list[Any]:
        ran = cli(None, "store", "dump", str(root), "--raw", kind, *options, "--output", "jsonl")
        assert (ran.code, ran.err) == (0, "")
        return lines(ran.out)

    units = {(u["topic"], u["queueId"], u["queueOffset"]): u for u in found("consumequeue")}
    places = {(m["topic"], m["queueId"], m["queueOffset"]): (m["commitLogOffset"], m["storeSize"]) for m in messages}
    assert {place: (u["commitLogOffset"], u["size"]) for place, u in units.items()} == places
    assert len(found("consumequeue", "-t", "GoldOrders", "-q", "1", "--queue-offset", "3:8")) == 5
    delayed = [u for u in units.values() if u["topic"] == "SCHEDULE_TOPIC_XXXX"]
    assert delayed and all(u["deliverTimestamp"] == u["tagsCode"] > 1_795_246_590_000 for u in delayed)
    entries = found("index")
    assert {e["commitLogOffset"] for e in entries} <= {m["commitLogOffset"] for m in messages}
    assert [e["number"] for e in entries] == list(range(1, len(entries) + 1))
    checkpoint = {row["field"]: row["value"] for row in found("checkpoint")}
    assert checkpoint["physicMsgTimestamp"] == messages[-1]["storeTimestamp"]
    assert [(d["level"], d["offset"], d["waiting"]) for d in found("delay-offsets")] == [
        (1, 5, 0),
        (2, 1, 0),
        (18, 0, 1),
    ]
    ops = found("transactions")
    assert [m["commitLogOffset"] for m in messages if m["topic"] == "RMQ_SYS_TRANS_OP_HALF_TOPIC"] == [
        o["commitLogOffset"] for o in ops
    ]
    assert ops[0]["tag"] == "d" and ops[0]["halfQueueOffsets"] == [0, 1, 3, 4, 6, 7, 9, 10]


def test_broken_records_are_named_on_stderr_and_in_the_exit_code(cli: Cli, root: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(root, tmp_path / "store"))
    flip(broken / "commitlog" / f"{0:020d}", 90)
    for form in ("jsonl", "json"):
        ran = cli(None, "store", "dump", str(broken), "--output", form)
        assert ran.code == ExitCode.PARTIAL
        assert "broken: 300 bytes at offset 0: crc" in ran.err
    document = json.loads(ran.out)
    assert (document["status"], len(document["data"]["messages"])) == ("partial", 487)
    assert "at offset 0" in document["errors"][0]["cause"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--offset", "9:3"], "range"),
        (["--body", "utf16"], "did you mean utf-8"),
        (["--body-pattern", "("], "regular expression"),
        (["--raw", "consumequeues"], "did you mean consumequeue"),
        (["--raw", "index", "--follow"], "--follow"),
        (["--follow", "--output", "json"], "no end"),
        (["--output", "jsn"], "json"),
    ],
)
def test_wrong_options(cli: Cli, root: Path, options: list[str], said: str) -> None:
    ran = cli(None, "store", "dump", str(root), *options)
    assert ran.code == ExitCode.USAGE
    assert said in ran.err


@pytest.mark.parametrize("name", ["ls", "dump", "show --offset 0", "stats"])
def test_a_directory_that_is_no_store(cli: Cli, tmp_path: Path, name: str) -> None:
    command, *options = name.split()
    for path, said in ((tmp_path, "is not a store directory"), (tmp_path / "absent", "is not a directory")):
        ran = cli(None, "store", command, str(path), *options)
        assert ran.code == ExitCode.NOT_FOUND
        assert said in ran.err


def test_show_tells_everything_of_a_record(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    ran = cli(None, "store", "show", str(root), "--offset", "0")
    assert (ran.code, ran.err) == (0, "")
    first = messages[0]
    for value in (
        first["msgId"],
        first["offsetMsgId"],
        first["bodySha256"],
        "hello 订单 0",
        "da a3 20 a7",
        "region = 华东",
    ):
        assert value in ran.out
    assert "consumequeue/GoldOrders/0/00000000000000000000, position 0: ok" in ran.out
    assert "entry 1 in slot 737" in ran.out
    assert "\x1b[" not in ran.out
    for position, name in ((0, "storeSize"), (48, "bornHost"), (115, "properties")):
        assert any(
            line.split()[:2][0].startswith(f"{position}-") and name in line
            for line in ran.out.splitlines()
            if line.strip()
        )
    coloured = cli(None, "store", "show", str(root), "--offset", "0", "--color", "always").out
    assert "\x1b[" in coloured
    import re

    assert re.sub(r"\x1b\[\d+m", "", coloured) == ran.out


def test_show_finds_a_record_by_queue_and_by_id(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    for one in (messages[0], messages[200], messages[-1]):
        queue = ["-t", one["topic"], "-q", str(one["queueId"]), "--queue-offset", str(one["queueOffset"])]
        for options in (queue, ["--id", one["offsetMsgId"]], ["--offset", str(one["commitLogOffset"])]):
            ran = cli(None, "store", "show", str(root), *options, "--output", "json")
            assert ran.code == 0
            view = ran.json["data"]
            expected = {**one, "sysFlag": view["message"]["sysFlag"]}
            assert view["message"] == expected
            assert view["unit"]["state"] == "ok"
            assert {entry["state"] for entry in view["index"]} <= {"ok"}
            assert bytes.fromhex(view["hex"])[:4] == one["storeSize"].to_bytes(4, "big")


def test_show_of_what_is_dispatched_later(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    def places(topic: str) -> str:
        one = next(m for m in messages if m["topic"] == topic)
        return cli(None, "store", "show", str(root), "--offset", str(one["commitLogOffset"])).out.partition(
            "dispatched to"
        )[2]

    assert "deliver time" in places("SCHEDULE_TOPIC_XXXX") and "after the delay of level" in places(
        "SCHEDULE_TOPIC_XXXX"
    )
    assert "after a commit: GoldTx/" in places("RMQ_SYS_TRANS_HALF_TOPIC")
    assert "marks half messages" in places("RMQ_SYS_TRANS_OP_HALF_TOPIC")


def test_show_where_no_record_is(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    inside = cli(None, "store", "show", str(root), "--offset", "5")
    assert inside.code == ExitCode.NOT_FOUND
    assert "inside the record at 0" in inside.err and "--offset 0" in inside.err
    end = messages[-1]["commitLogOffset"] + messages[-1]["storeSize"]
    for offset, said in ((end, "nothing was written there"), (1 << 40, "no commitlog file has offset")):
        ran = cli(None, "store", "show", str(root), "--offset", str(offset))
        assert ran.code == ExitCode.NOT_FOUND
        assert said in ran.err
    assert cli(None, "store", "show", str(root), "--id", "AB" * 16).code == ExitCode.NOT_FOUND
    assert cli(None, "store", "show", str(root)).code == ExitCode.USAGE
    assert cli(None, "store", "show", str(root), "-t", "GoldOrders").code == ExitCode.USAGE


def test_show_of_a_broken_record(cli: Cli, root: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(root, tmp_path / "store"))
    flip(broken / "commitlog" / f"{0:020d}", 90)
    flip(broken / "consumequeue" / "GoldOrders" / "0" / f"{0:020d}", 11)
    ran = cli(None, "store", "show", str(broken), "--offset", "0")
    assert ran.code == ExitCode.PARTIAL
    assert "does not match its CRC" in ran.out and "position 0: different" in ran.out
    assert "consumequeue unit is different" in ran.err


def test_ls(cli: Cli, root: Path) -> None:
    ran = cli(None, "store", "ls", str(root))
    assert (ran.code, ran.err) == (0, "")
    for said in ("offsets 0 to", "held by no process", "physicMsgTimestamp", "commitlog/00000000000000262144", "GoldTx",
                 "topics.json", "others:"):  # fmt: skip
        assert said in ran.out
    document = cli(None, "store", "ls", str(root), "--output", "json").json["data"]
    assert document["abort"] is False
    assert {f["kind"] for f in document["files"]} == {"commitlog", "consumequeue", "index"}
    rows = lines(cli(None, "store", "ls", str(root), "--output", "jsonl").out)
    assert [row["path"] for row in rows] == [f["path"] for f in document["files"]]


def test_sql(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    query = "select topic, count(*) n, count(*) from messages group by topic order by topic"
    rows = lines(cli(None, "store", "sql", str(root), query, "--output", "jsonl").out)
    assert sum(row["n"] for row in rows) == len(messages)
    assert list(rows[0]) == ["topic", "n", "count(*)"]
    wrong = cli(None, "store", "sql", str(root), "select tagz from messages")
    assert wrong.code == ExitCode.USAGE
    assert "did you mean tags" in wrong.err
    document = cli(None, "store", "sql", str(root), "select tagz from messages", "--output", "json").json
    assert document["status"] == "failed"


def test_diff_tells_by_its_exit_code(cli: Cli, root: Path, tmp_path: Path) -> None:
    same = cli(None, "store", "diff", str(root), str(root))
    assert (same.code, same.out) == (0, "")
    assert "no difference" in same.err
    other = Path(shutil.copytree(root, tmp_path / "store"))
    flip(other / "commitlog" / f"{0:020d}", 19)
    ran = cli(None, "store", "diff", str(root), str(other), "--output", "jsonl")
    assert ran.code == ExitCode.DIFFERENT == 9
    assert [(d["kind"], d["fields"]) for d in lines(ran.out)] == [("different", {"flag": [0, 1]})]
    assert cli(None, "store", "diff", str(root), str(other), "--ignore", "flag").code == 0
    assert cli(None, "store", "diff", str(root), str(other)).out.splitlines()[1].endswith("flag: 0 / 1")


def test_one_message_is_no_messages_in_sums(cli: Cli, tmp_path: Path) -> None:
    root, target = str(fill(tmp_path / "one", [message(0)])), str(tmp_path / "built")
    assert "no difference: 1 message in 1 queue" in cli(None, "store", "diff", root, root).err.splitlines()[-1]
    listed = cli(None, "store", "ls", root).out
    assert "topics      1, 1 queue\n" in listed
    assert "consumequeue: 1 file, 20 bytes used" in listed
    assert cli(None, "store", "rebuild", root, target).out.startswith("1 unit in 1 queue, 2 entries in 1 index file (")
    saved = str(tmp_path / "saved")
    assert cli(None, "store", "salvage", root, saved).out.startswith("kept 1 record, 0 changed; dropped 0 ranges,")
    assert "kept 1 record, 0 changed" in cli(None, "store", "verify", saved).out


def test_stats(cli: Cli, root: Path, messages: list[dict[str, Any]]) -> None:
    ran = cli(None, "store", "stats", str(root))
    assert (ran.code, ran.err) == (0, "")
    assert "messages a minute" in ran.out and "█" in ran.out and "GoldBodies" in ran.out
    document = cli(None, "store", "stats", str(root), "--output", "json").json["data"]
    assert document["messages"] == len(messages)
    assert sum(m["messages"] for m in lines(cli(None, "store", "stats", str(root), "--output", "jsonl").out)) == len(
        messages
    )


def test_the_plot() -> None:
    minute = 60_000
    values, begin, length = bucketed([(0, 5), (minute, 10), (5 * minute, 1)])
    assert (values, begin, length) == ([5, 10, 0, 0, 0, 1], 0, minute)
    rows = bar_plot(values, height=2)
    assert [row.split("│")[1] for row in rows[:2]] == [" █", "██   ▂"]
    values, _, length = bucketed([(n * minute, 4) for n in range(200)], width=72)
    assert (len(values), length) == (67, 3 * minute)
    assert all(value == 4 for value in values)


READERS = [
    ["ls"], ["dump"], ["dump", "--key", "order-3"], ["dump", "-t", "GoldOrders", "-q", "0", "--queue-offset", "3"],
    *(["dump", "--raw", kind] for kind in ("consumequeue", "index", "checkpoint", "delay-offsets", "transactions")),
    ["show", "--offset", "0"], ["sql", "select count(*), (select count(*) from queues) from messages"], ["stats"],
]  # fmt: skip
AUDIT = """
import json, os, sys
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(sys.argv[1]):
        opened.append((arguments[0], arguments[2]))
    if event.split(".")[0] in ("os", "shutil") and event.split(".")[1] in (
        "remove", "rename", "truncate", "mkdir", "rmdir", "link", "symlink", "chmod", "chown", "utime", "setxattr",
    ):
        if any(isinstance(a, str) and a.startswith(sys.argv[1]) for a in arguments):
            opened.append((event, -1))
sys.addaudithook(hook)
from rocketmq_ops.mqadmin.main import run
code = run(json.loads(sys.argv[2]))
wrong = [o for o in opened if o[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)]
sys.stderr.write(json.dumps({"opened": len(opened), "wrong": wrong}))
sys.exit(code)
"""


def contents(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file and folder with its times and content."""
    return {
        str(p): (p.stat().st_mtime_ns, p.stat().st_ino, p.read_bytes() if p.is_file() else b"")
        for p in sorted([root, *root.rglob("*")])
    }


@pytest.mark.parametrize("command", [*READERS, ["diff"]], ids=" ".join)
def test_files_are_opened_for_reading_only_and_nothing_changes(root: Path, command: list[str]) -> None:
    before = contents(root)
    paths = [str(root)] * (2 if command == ["diff"] else 1)
    argv = ["store", command[0], *paths, *command[1:]]
    ran = subprocess.run(
        [sys.executable, "-c", AUDIT, str(root), json.dumps(argv)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stderr[ran.stderr.index('{"opened"') :])
    assert report["wrong"] == []
    assert report["opened"] >= 1
    assert contents(root) == before


def test_a_store_that_must_not_be_written_to_can_be_read(root: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    guarded = Path(shutil.copytree(root, tmp_path / "store"))
    for path in [*guarded.rglob("*"), guarded]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    ran = subprocess.run([sys.executable, "-m", "rocketmq_ops.mqadmin", "store", "ls", str(guarded)], check=False)
    assert ran.returncode == 0


def test_follow_of_the_command_line(tmp_path: Path) -> None:
    store = MessageStore(MessageStoreConfig(storePathRootDir=str(tmp_path), **SMALL), store_host=("127.0.0.1", 10911))
    store.load()
    for number in range(3):
        store.put_message(message(number))
    argv = [sys.executable, "-m", "rocketmq_ops.mqadmin", "store", "dump", str(tmp_path), "--follow", "--offset", "0:"]
    argv += ["--tag", "Tag1", "--limit", "3", "--output", "jsonl", "--body", "utf-8"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        found = [json.loads(child.stdout.readline())]
        for number in range(3, 9):
            store.put_message(message(number))
        found += lines(child.stdout.read())
    assert child.returncode == 0
    assert [m["body"] for m in found] == ["body 1", "body 4", "body 7"]
    asyncio.run(store.shutdown())


def test_one_interrupt_ends_following(tmp_path: Path) -> None:
    root = fill(tmp_path, [message(0)])
    argv = [sys.executable, "-m", "rocketmq_ops.mqadmin", "store", "dump", str(root), "--follow", "--offset", "0:"]
    # A child of a shell's background job would ignore interrupts, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        child = subprocess.Popen([*argv, "--output", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline()
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=30) == ExitCode.INTERRUPTED


MEMORY = """
import sys
from rocketmq_ops.mqadmin.main import run
code = run(sys.argv[1:])
# The peak since the exec; getrusage also counts the process that forked.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stderr.write(f"PEAK {int(peak) // 1024}")
sys.exit(code)
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 MB of messages in files of 64 KiB."""
    root = fill(tmp_path_factory.mktemp("big"), [message(n, body=b"x" * 8000) for n in range(6000)], clock_step_ms=1)
    assert sum(f.stat().st_size for f in (root / "commitlog").iterdir()) > 45 << 20
    return root


HUNGRY = [
    ["dump", "--output", "jsonl", "--body", "utf-8"],
    ["stats"],
    ["sql", "select count(*), max(body) from messages"],
]


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
@pytest.mark.parametrize("command", HUNGRY, ids=" ".join)
def test_memory_stays_flat(big: Path, command: list[str]) -> None:
    argv = [sys.executable, "-c", MEMORY, "store", command[0], str(big), *command[1:]]
    with open(os.devnull, "wb") as nowhere:
        ran = subprocess.run(argv, stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stderr.rpartition("PEAK ")[2]) < 120


EVERY_VIEW = [
    *READERS, ["dump", "--output", "csv"], ["dump", "--output", "jsonl", "--body", "json"],
    ["dump", "--id", "FD0000000000000000000000000000021FAF30946E0968A122D10000"], ["show", "--id", "7F00000200005DA80000000000000000"],
    ["sql", "select tags, minute, producer, body, count(*) from messages group by 1, 2, 3, 4"],
    ["sql", "select * from units, queues limit 10"], ["sql", "select * from index_entries limit 10"],
]  # fmt: skip
TOLD = {int(code) for code in (ExitCode.OK, ExitCode.FAILED, ExitCode.NOT_FOUND, ExitCode.PARTIAL, ExitCode.DIFFERENT)}


@pytest.mark.parametrize("seed", range(12))
def test_no_view_stumbles_over_damage(cli: Cli, root: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    broken = Path(shutil.copytree(root, tmp_path / "store"))
    files = sorted(p for p in broken.rglob("*") if p.is_file() and p.stat().st_size)
    log = [p for p in files if p.parent.name == "commitlog"]
    for _ in range(chance.choice([1, 5, 40])):
        path = chance.choice(chance.choice([files, log]))
        size = min(path.stat().st_size, 120_000 if path in log else 2000)
        at = chance.randrange(size)
        with path.open("r+b") as file:
            file.seek(at)
            file.write(chance.choice([chance.randbytes(chance.choice([1, 4, 8, 200])), bytes(20), b"\xff" * 8]))
            if chance.random() < 0.05:
                file.truncate(at + 8)
    for command, *options in [*EVERY_VIEW, ["diff", str(root)]]:
        # Under --debug whatever is not told as an error of its own comes through.
        try:
            ran = cli(None, "store", command, str(broken), *options, "--debug")
        except RocketMQError as error:
            assert str(error)
        else:
            assert ran.code in TOLD, ran.err
