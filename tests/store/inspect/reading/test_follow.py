"""Following a live store: each message once, in order, over file borders; half-written records wait."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inspect.reading.blocks import Broken
from rocketmq_ops.store.inspect.reading.follow import PATIENCE, Follower, end_of_log
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, read_chain
from rocketmq_ops.store.inspect.view.message_lines import MessageLines
from rocketmq_ops.store.message_store import MessageStore
from tests.store.inspect.views import SMALL, dumped, fill, flip, message


class Script:
    """Runs one step of the test at each pause of the follower, and stops it `PATIENCE` looks after the last."""

    def __init__(self, steps: list[Callable[[], object]]) -> None:
        self.steps = iter(steps)
        self.left = PATIENCE + 3

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        step = next(self.steps, None)
        if step is None:
            self.left -= 1
        else:
            step()

    def stop(self) -> bool:
        return self.left <= 0


def followed(root: Path, start: int, script: Script, broken: list[Broken] | None = None) -> list[int]:
    """The commitlog offsets that a follower gives."""
    follower = Follower(
        StoreDirectory(root), start, (broken if broken is not None else []).append, stop=script.stop, pause=script.pause
    )
    offsets: list[int] = []
    for block in follower.blocks():
        assert MessageLines().lines(block, slice_of(block.count))
        offsets += block.offsets.tolist()
    return offsets


def slice_of(count: int):  # type: ignore[no-untyped-def]
    import numpy as np

    return np.arange(count)


def test_messages_of_a_live_store_appear_once_and_in_order(tmp_path: Path) -> None:
    store = MessageStore(MessageStoreConfig(storePathRootDir=str(tmp_path), **SMALL), store_host=("127.0.0.1", 10911))
    store.load()
    numbers = itertools.count()

    def put(count: int) -> Callable[[], None]:
        def step() -> None:
            for _ in range(count):
                assert store.put_message(message(next(numbers), body=b"x" * 200)).status == 0

        return step

    put(10)()
    _, start = end_of_log(read_chain(tmp_path / "commitlog"))
    script = Script([put(1), put(1), put(300), lambda: None, put(2), put(500)])
    offsets = followed(tmp_path, start, script)
    asyncio.run(store.shutdown())
    everything = [m["commitLogOffset"] for m in dumped(tmp_path)]
    assert len(everything) == 10 + 804
    assert offsets == everything[10:]
    assert len(list((tmp_path / "commitlog").iterdir())) > 3


def test_a_half_written_record_waits(tmp_path: Path) -> None:
    root = fill(tmp_path, [message(n) for n in range(4)])
    everything = dumped(root)
    last = everything[-1]
    path = next((root / "commitlog").iterdir())
    whole = path.read_bytes()
    begin, size = last["commitLogOffset"], last["storeSize"]

    def write(upto: int) -> Callable[[], None]:
        def step() -> None:
            data = whole[:begin] + whole[begin : begin + upto] + bytes(len(whole) - begin - upto)
            with path.open("r+b") as file:
                file.write(data)

        return step

    write(0)()
    broken: list[Broken] = []
    # The last byte of the properties is written last; before, the record looks whole but for zeros.
    script = Script([write(30), write(100), write(size - 1), write(size)])
    assert followed(root, begin, script, broken) == [begin]
    assert broken == []


def test_damage_is_told_and_passed(tmp_path: Path) -> None:
    root = fill(tmp_path, [message(n) for n in range(6)])
    everything = dumped(root)
    path = next((root / "commitlog").iterdir())
    flip(path, everything[2]["commitLogOffset"] + 88)
    flip(path, everything[4]["commitLogOffset"] + 4)
    broken: list[Broken] = []
    script = Script([lambda: None] * (3 * PATIENCE))
    offsets = followed(root, 0, script, broken)
    assert offsets == [everything[i]["commitLogOffset"] for i in (0, 1, 3, 5)]
    assert [(b.offset, b.reason) for b in broken] == [
        (everything[2]["commitLogOffset"], "crc"), (everything[4]["commitLogOffset"], "no-record"),
    ]  # fmt: skip
