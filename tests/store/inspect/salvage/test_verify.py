"""Verify holds for what salvage made, and for nothing else: any byte of the kept records or of the proof that changes is found."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.store.inspect.salvage.proof import PROOF_NAME, Changed, Dropped, Kept, read_proof
from rocketmq_ops.store.inspect.salvage.verify import verify
from tests.store.inspect.salvage.salvage_helpers import field_of, flip, golden, lines, orders, saved_from


@pytest.fixture(scope="module")
def salvaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A damaged golden store, and what salvage made of it: kept, moved, changed and dropped records."""
    folder = tmp_path_factory.mktemp("verify")
    root, target = golden(folder), folder / "saved"
    flip(root, field_of(root, orders()[40], "body").offset)
    flip(root, field_of(root, orders()[60], "queueOffset").offset)
    flip(root, field_of(root, orders()[70], "properties").offset, 0x80)
    saved_from(root, target)
    kinds = {type(line) for line in lines(target)}
    assert {Kept, Changed, Dropped} <= kinds
    return root, target


def copy(target: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(target, tmp_path / "copy"))


def flip_in(path: Path, position: int, mask: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(data)


def test_the_proof_holds_with_and_without_the_damaged_store(salvaged: tuple[Path, Path]) -> None:
    root, target = salvaged
    alone, both = verify(target), verify(target, root)
    assert (alone.problems, both.problems) == ([], [])
    assert (alone.compared_with_source, both.compared_with_source) == (False, True)
    assert alone.records == both.records > 400
    assert alone.changed > 10


@pytest.mark.parametrize("seed", range(12))
def test_a_changed_byte_of_a_kept_record_is_found(seed: int, salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    target = copy(salvaged[1], tmp_path)
    chance = random.Random(seed)
    line = chance.choice([line for line in lines(target) if isinstance(line, Kept | Changed)])
    flip(target, line.offset + chance.randrange(line.size), 1 << chance.randrange(8))
    assert not verify(target).ok


def test_any_changed_byte_of_the_proof_is_found(salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    original = (salvaged[1] / PROOF_NAME).read_bytes()
    path = tmp_path / PROOF_NAME
    for position in range(len(original)):
        changed = bytearray(original)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises(CorruptDataError):
            list(read_proof(path))


def test_verify_says_that_a_changed_proof_does_not_hold(salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    target = copy(salvaged[1], tmp_path)
    flip_in(target / PROOF_NAME, 300, 1)
    assert not verify(target).ok


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_cut_proof_does_not_hold(keep: float, salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    target = copy(salvaged[1], tmp_path)
    data = (target / PROOF_NAME).read_bytes()
    (target / PROOF_NAME).write_bytes(data[: int(len(data) * keep)])
    assert not verify(target).ok


def test_a_record_where_something_was_dropped_is_found(salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    root, target = salvaged[0], copy(salvaged[1], tmp_path)
    lost = orders()[40]
    log = target / "commitlog" / f"{0:020d}"
    data = bytearray(log.read_bytes())
    start, end = lost["commitLogOffset"], lost["commitLogOffset"] + lost["storeSize"]
    data[start:end] = (root / "commitlog" / log.name).read_bytes()[start:end]
    flip(root, field_of(root, lost, "body").offset)  # whole again for a moment
    data[start:end] = (root / "commitlog" / log.name).read_bytes()[start:end]
    flip(root, field_of(root, lost, "body").offset)
    log.write_bytes(data)
    assert any("where the proof has everything dropped" in p for p in verify(target).problems)


def test_another_damaged_store_is_found(salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    root = Path(shutil.copytree(salvaged[0], tmp_path / "other"))
    flip(root, field_of(root, orders()[5], "flag").offset)
    problems = verify(salvaged[1], root).problems
    assert len(problems) == 1
    assert re.search(r"differ from the damaged store", problems[0])


@pytest.mark.parametrize("name", ["config/topics.json", "config/consumerOffset.json"])
def test_a_changed_configuration_is_found(name: str, salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    target = copy(salvaged[1], tmp_path)
    text = (target / name).read_bytes()
    (target / name).write_bytes(text.replace(b"1", b"2", 1))
    assert any(name in problem for problem in verify(target).problems)


@pytest.mark.parametrize("kind", ["consumequeue", "index"])
def test_a_changed_unit_or_entry_is_found(kind: str, salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    target = copy(salvaged[1], tmp_path)
    path = next(p for p in sorted((target / kind).rglob("*")) if p.is_file() and any(p.read_bytes()[:20]))
    flip_in(path, 7 if kind == "consumequeue" else 40 + 4000 + 20 + 6, 0x40)
    assert not verify(target).ok


def test_without_a_proof_there_is_nothing_to_verify(salvaged: tuple[Path, Path], tmp_path: Path) -> None:
    target = copy(salvaged[1], tmp_path)
    (target / PROOF_NAME).unlink()
    with pytest.raises(RocketMQError, match="cannot read"):
        verify(target)
