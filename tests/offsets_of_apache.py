"""The committed offsets of a broker of Apache's, with its race: ConsumerOffsetManager.commitOffset."""

from __future__ import annotations

import asyncio


class OffsetsOfApache:
    """Two first commits of a topic and group that come together each make its table, and one of them is lost."""

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], dict[int, int]] = {}
        self.at_once = self.most_at_once = 0

    async def commit(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Keep an offset, as one of Apache's threads does while others do the same."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        found = self.table.get((topic, group))
        await asyncio.sleep(0)
        if found is None:
            self.table[topic, group] = {queue_id: offset}
        else:
            found[queue_id] = offset
        self.at_once -= 1
