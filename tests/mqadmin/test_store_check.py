"""`store check`, `store explain` and `store predict` as a user runs them: every output, exit codes, parts of a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang.catalogue import chinese as chinese_texts
from rocketmq_ops.store.inspect.check.catalogue import CATALOGUE, UNDETECTABLE
from tests.golden_data import unpack_store
from tests.mqadmin.conftest import Cli
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unpack_store("5.3.3-clean", tmp_path)


@pytest.fixture
def damaged(root: Path) -> Path:
    d.flip_unit(11)(Sound(root))
    d.flip_field("body", 2)(Sound(root))
    return root


def test_a_sound_store(cli: Cli, root: Path) -> None:
    ran = cli(None, "store", "check", str(root))
    assert (ran.code, ran.err) == (0, "")
    assert "488 records" in ran.out
    assert ran.out.splitlines()[-1] == "no findings"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (d.add_file("abort", b""), ExitCode.OK),
        (d.add_file("index/x"), ExitCode.STORE_WARNING),
        (d.flip_unit(11), ExitCode.STORE_ERROR),
        (d.resize_log(0, -1), ExitCode.STORE_CRITICAL),
    ],
)
def test_the_exit_code_is_by_severity(cli: Cli, root: Path, make: d.Make, code: ExitCode) -> None:
    make(Sound(root))
    assert cli(None, "store", "check", str(root)).code == code


def test_findings_as_text(cli: Cli, damaged: Path) -> None:
    ran = cli(None, "store", "check", str(damaged))
    assert ran.code == ExitCode.STORE_ERROR
    for kind in ("CL-CRC", "CQ-SIZE"):
        assert f"{kind}: {CATALOGUE[kind].action}" in ran.out


def test_findings_in_chinese(cli: Cli, damaged: Path) -> None:
    chinese = chinese_texts()
    ran = cli(None, "store", "check", str(damaged), "--lang", "zh")
    for kind in ("CL-CRC", "CQ-SIZE"):
        assert f"  {kind}: {chinese.message(CATALOGUE[kind].action)}\n" in ran.out
        explained = cli(None, "store", "explain", kind, "--lang", "zh").out
        assert chinese.message(CATALOGUE[kind].title) in explained
        assert explained.splitlines()[1:] == [
            chinese.message(CATALOGUE[kind].explanation), f"处理：{chinese.message(CATALOGUE[kind].action)}。",
        ]  # fmt: skip


def test_findings_as_json(cli: Cli, damaged: Path) -> None:
    ran = cli(None, "store", "check", str(damaged), "--output", "json")
    document = json.loads(ran.out)
    data = document.get("data", document)
    assert data["worst"] == "error"
    assert data["counts"] == {"CL-CRC": 1, "CQ-SIZE": 1}
    assert data["undetectable"] == list(UNDETECTABLE)
    crc = next(f for f in data["findings"] if f["id"] == "CL-CRC")
    record = Sound(damaged).plain()
    assert (crc["file"], crc["position"], crc["offset"]) == (
        f"commitlog/{record.file.name}", record.position, record.offset,
    )  # fmt: skip
    assert crc["evidence"]["field"] == "body_crc"


def test_findings_as_sarif(cli: Cli, damaged: Path) -> None:
    ran = cli(None, "store", "check", str(damaged), "--output", "sarif")
    assert ran.code == ExitCode.STORE_ERROR
    document = json.loads(ran.out)
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] and driver["version"]
    assert [rule["id"] for rule in driver["rules"]] == ["CL-CRC", "CQ-SIZE"]
    base = run["originalUriBaseIds"]["STORE"]["uri"]
    assert base == damaged.resolve().as_uri() + "/"
    for result in run["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert artifact["uriBaseId"] == "STORE"
        assert (damaged / artifact["uri"]).is_file()
        region = location["physicalLocation"]["region"]
        assert set(region) <= {"byteOffset", "byteLength"}
        assert all(isinstance(value, int) and value >= 0 for value in region.values())


def test_a_part_and_going_on(cli: Cli, tmp_path: Path) -> None:
    root = tmp_path / "own"
    d.write_own_store(root)
    third = Sound(root).log[2]
    first_there = next(r for r in Sound(root).records() if r.file == third)
    time = int.from_bytes(first_there.data[56:64], "big")

    def checked(*options: str) -> dict[str, Any]:
        ran = cli(None, "store", "check", str(root), "--output", "json", *options)
        assert ran.code == 0
        document = json.loads(ran.out)
        data: dict[str, Any] = document.get("data", document)
        return data

    whole, resumed, since = checked(), checked("--resume", third.name.lstrip("0")), checked("--since", str(time))
    assert (resumed["fromOffset"], since["fromOffset"]) == (int(third.name), int(third.name))
    assert resumed["examined"]["records"] == since["examined"]["records"] < whole["examined"]["records"]
    assert checked("--max-duration", "60")["resumeAt"] is None
    assert checked("--only", "commitlog")["examined"] == {"records": 700}


def test_wrong_words_are_refused(cli: Cli, root: Path, tmp_path: Path) -> None:
    assert cli(None, "store", "check", str(root), "--only", "commitlgo").code != 0
    assert cli(None, "store", "check", str(root), "--messageDelayLevel", "1x").code != 0
    assert cli(None, "store", "check", str(tmp_path / "nowhere")).code != 0
    assert cli(None, "store", "predict", str(root), "--broker", "3.2").code != 0


def test_every_kind_is_explained(cli: Cli) -> None:
    listing = cli(None, "store", "explain").out
    assert all(text in listing for text in UNDETECTABLE)
    for kind, entry in CATALOGUE.items():
        assert kind in listing
        assert entry.explanation and entry.action
    one = cli(None, "store", "explain", "cl-torn")
    assert one.code == 0
    assert CATALOGUE["CL-TORN"].explanation in one.out
    unknown = cli(None, "store", "explain", "CL-TRON")
    assert unknown.code != 0
    assert "CL-TORN" in unknown.err


def test_predictions(cli: Cli, root: Path) -> None:
    ran = cli(None, "store", "predict", str(root))
    assert ran.code == 0
    assert ran.out.count("no message is lost") == 4
    d.resize_log(0, -512)(Sound(root))
    ran = cli(None, "store", "predict", str(root), "--broker", "4.9", "--output", "json")
    assert ran.code == ExitCode.STORE_CRITICAL
    document = json.loads(ran.out)
    (prediction,) = document.get("data", document)["predictions"]
    assert (prediction["broker"], prediction["starts"]) == ("4.9", False)
    assert "length not matched" in prediction["refusals"][0]


@pytest.mark.parametrize("make", ["folder", "empty file", "empty file with an offset"])
def test_what_4_9_alone_refuses_is_a_warning_of_both(cli: Cli, root: Path, make: str) -> None:
    if make == "folder":
        (root / "commitlog" / "lost+found").mkdir()
    elif make == "empty file":
        (root / "commitlog" / "zz").touch()
    else:
        logs = sorted((root / "commitlog").iterdir())
        (root / "commitlog" / f"{int(logs[-1].name) + logs[-1].stat().st_size:020d}").touch()
    codes = [cli(None, "store", *args).code for args in (("check", str(root)), ("predict", str(root)))]
    assert codes == [ExitCode.STORE_WARNING] * 2
    assert cli(None, "store", "predict", str(root), "--broker", "4.9").code == ExitCode.STORE_CRITICAL
    assert cli(None, "store", "predict", str(root), "--broker", "5.3").code == 0


def test_a_rebuild_says_what_to_do_with_the_result(cli: Cli, root: Path, tmp_path: Path) -> None:
    target = tmp_path / "new"
    ran = cli(None, "store", "rebuild", str(root), str(target))
    assert ran.code == 0
    assert sorted(path.name for path in target.iterdir()) == ["checkpoint", "consumequeue", "index"]
    assert (
        f"stop the broker, move consumequeue, index, checkpoint of {root} out of the way, move those of {target} in "
        "their place" in " ".join(ran.out.split())
    )


def test_a_check_with_predictions(cli: Cli, root: Path) -> None:
    ran = cli(None, "store", "check", str(root), "--predict", "--output", "json")
    document = json.loads(ran.out)
    assert [p["broker"] for p in document.get("data", document)["predictions"]] == ["5.5", "5.3", "4.9", "ours"]
    assert "Apache 5.3 starts; normal recovery" in cli(None, "store", "check", str(root), "--predict").out
