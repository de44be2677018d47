"""Reading on from an offset within what is damaged: that something is passed over is said."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rocketmq_ops.store.inspect.reading import blocks
from rocketmq_ops.store.inspect.reading.blocks import Broken, readable_blocks
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from tests.store.inspect.damage import Sound, resize_log


def read(root: Path, start: int) -> tuple[list[tuple[int, int]], list[int]]:
    """The places (offset, end) that cannot be read from an offset on, and the offsets of the records there."""
    found: list[Broken] = []
    with closing(StoreDirectory(root)) as store:
        offsets = [
            int(o) for block in readable_blocks(store.commitlog, found.append, start=start) for o in block.offsets
        ]
    return [(each.offset, each.offset + each.length) for each in found], offsets


@pytest.mark.parametrize("before", [100, blocks._BEFORE])
def test_from_within_the_last_cut_record_of_a_file_it_is_damaged_to_the_end(
    own: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    sound = Sound(own)
    of_first = [record for record in sound.records() if record.file == sound.log[0]]
    cut = of_first[-3]
    resize_log(0, cut.position + len(cut.data) // 2 - sound.log[0].stat().st_size)(sound)
    monkeypatch.setattr(blocks, "_BEFORE", before)
    (missing, broken), offsets = read(own, 0)
    assert (broken[0], missing) == (cut.offset, (broken[1], int(sound.log[1].name)))
    later = offsets[len(of_first) - 3 :]
    assert read(own, cut.offset + 1) == ([missing, broken], later)
    for start in (broken[1], broken[1] + 1):  # of which nothing is there
        assert read(own, start) == ([missing], later)


def test_from_within_the_last_sound_record_of_a_file_nothing_is_damaged(own: Path) -> None:
    sound = Sound(own)
    records = sound.records()
    last = [record for record in records if record.file == sound.log[0]][-1]
    after = [record.offset for record in records if record.file != sound.log[0]]
    for start in (last.offset + 1, last.offset + len(last.data) - 1, last.offset + len(last.data)):
        assert read(own, start) == ([], after)
    assert read(own, records[-1].offset + 1) == ([], [])
