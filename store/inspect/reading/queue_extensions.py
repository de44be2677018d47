"""Reads what Apache's brokers keep beside their consumequeues with enableConsumeQueueExt."""

from __future__ import annotations

import numpy as np

from rocketmq_ops.store.inspect.reading.scan import Column
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, read_chain
from rocketmq_ops.store.layout.consume_queue_ext import FIRST_ADDRESS, FOLDER, MIN_CODE, UNIT


class QueueExtensions:
    """The extensions of one store's queues."""

    def __init__(self, store: StoreDirectory) -> None:
        self._root = store.root / FOLDER
        self._chains: dict[tuple[str, int], FileChain] = {}

    def resolved(self, key: tuple[str, int], units: Column) -> Column:
        """Units of a queue with the codes that their addresses lead to; where one leads nowhere it stays."""
        led = np.flatnonzero(units["tags_code"] < MIN_CODE)
        if not len(led):
            return units
        units = units.copy()
        for i in led.tolist():
            code = self._code_at(key, int(units["tags_code"][i]))
            if code is not None:
                units["tags_code"][i] = code
        return units

    def _code_at(self, key: tuple[str, int], address: int) -> int | None:
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = read_chain(self._root / key[0] / str(key[1]))
        data = chain.read(address - FIRST_ADDRESS, UNIT.size)
        if len(data) < UNIT.size:
            return None
        size, code, _, bits = UNIT.struct.unpack(data)
        return int(code) if size == UNIT.size + bits else None
