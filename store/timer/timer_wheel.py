"""The file `timerwheel`: for each moment of two weeks which units of the timerlog are due then.

What lives here: reading and changing slots, and which pages have to be written (mirrors TimerWheel and Slot). What does
not: the units (`timer_log.py`), what slots mean after a crash (`timer_recovery.py`).

A page is in memory from its first use until its times are over. What was changed is written by `write`, so that the
file never says more than the timerlog that was synced before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rocketmq_ops.store.files.filesystem import FileSystem, StoreFile
from rocketmq_ops.store.layout.timer import SLOT, WHEEL_SLOTS

FILE_SIZE = WHEEL_SLOTS * SLOT.size
_PAGE = 4096
_PER_PAGE = _PAGE // SLOT.size
_PAGES = FILE_SIZE // _PAGE
_CHUNK = 256 * _PAGE
_EMPTY = bytes(_PAGE)
_TIME = SLOT.one("time")

#: Pages as they have to be written: position and content.
Pages = list[tuple[int, bytes]]


class Slot(NamedTuple):
    """What is due at `time` (ms): units from `first` to `last`, positions in the timerlog, for `messages`."""

    time: int
    first: int
    last: int
    messages: int
    magic: int


class TimerWheel:
    """The slots. Times are ms; those that are not multiples of the precision count as the multiple before them."""

    __slots__ = ("_dirty", "_file", "_fs", "_name_durable", "_pages", "_passed", "path", "precision")

    def __init__(self, fs: FileSystem, path: str, precision_ms: int) -> None:
        self._fs = fs
        self.path = path
        self.precision = precision_ms
        self._file: StoreFile | None = None
        self._pages: dict[int, bytearray] = {}
        self._dirty: set[int] = set()
        self._name_durable = False
        #: All pages before this one, counted from the epoch, have left memory.
        self._passed = 0

    def is_whole(self) -> bool:
        """Whether there is a file of the right length."""
        return self._fs.exists(self.path) and self._fs.size_of(self.path) == FILE_SIZE

    def open(self, *, anew: bool) -> None:
        """Open the file; `anew`: an empty one in place of what is there. Raises OSError."""
        if anew:
            self._fs.remove(self.path)
        self._name_durable = not anew
        self._file = self._fs.open(self.path, FILE_SIZE, create=True)

    # -- slots

    def slot(self, time: int) -> Slot | None:
        """The slot of a time, None when nothing is due then."""
        page, at = self._place(time)
        units, first, last, count, magic = SLOT.struct.unpack_from(self._page(page), at)
        return Slot(units * self.precision, first, last, count, magic) if units == time // self.precision else None

    def held_by(self, time: int) -> int:
        """The time that is in the place of a time's slot, of whichever round of the wheel; 0 in an unused one."""
        page, at = self._place(time)
        units: int = _TIME.unpack_from(self._page(page), at)[0]
        return units * self.precision

    def put(self, time: int, first: int, last: int, count: int, magic: int = 0) -> None:
        """Set the slot of a time."""
        page, at = self._place(time)
        SLOT.struct.pack_into(self._page(page), at, time // self.precision, first, last, count, magic)
        self._dirty.add(page)

    def next_used(self, time: int, end: int) -> int:
        """The first time from `time` on whose page has anything in it; `end` when that does not come before."""
        while time < end:
            page, at = self._place(time)
            if self._page(page) != _EMPTY:
                return time
            del self._pages[page]
            time += (_PER_PAGE - at // SLOT.size) * self.precision
        return end

    def used(self) -> Iterator[Slot]:
        """All slots of the file that were ever used, those of the past too. Raises OSError."""
        assert self._file is not None
        for position in range(0, FILE_SIZE, _CHUNK):
            piece = self._file.read(position, _CHUNK)
            if piece.count(0) < len(piece):
                for units, first, last, count, magic in SLOT.struct.iter_unpack(piece):
                    if units:
                        yield Slot(units * self.precision, first, last, count, magic)

    def _place(self, time: int) -> tuple[int, int]:
        page, number = divmod(time // self.precision % WHEEL_SLOTS, _PER_PAGE)
        return page, number * SLOT.size

    def _page(self, number: int) -> bytearray:
        page = self._pages.get(number)
        if page is None:
            assert self._file is not None
            page = self._pages[number] = bytearray(self._file.read(number * _PAGE, _PAGE))
        return page

    # -- writing

    def take_changes(self, read_time: int) -> Pages:
        """The pages that were changed, to be given to `write`; pages of times before `read_time` leave memory."""
        changed = [(number * _PAGE, bytes(self._pages[number])) for number in sorted(self._dirty)]
        self._dirty.clear()
        page = read_time // self.precision // _PER_PAGE
        for passed in range(max(self._passed, page - _PAGES // 2), page):
            self._pages.pop(passed % _PAGES, None)
        self._passed = page
        return changed

    def put_back(self, pages: Pages) -> None:
        """Count pages as changed that could not be written."""
        for position, content in pages:
            number = position // _PAGE
            self._pages.setdefault(number, bytearray(content))
            self._dirty.add(number)

    @property
    def is_dirty(self) -> bool:
        """Whether anything has to be written."""
        return bool(self._dirty)

    def write(self, pages: Pages) -> None:
        """Write pages and make them durable; may run in a worker thread. Raises OSError."""
        file = self._file
        assert file is not None
        for position, content in pages:
            file.reserve(position, position + len(content))
            file.write(position, content)
        file.sync()
        if not self._name_durable:
            self._fs.sync_dir(self.path.rpartition("/")[0])
            self._name_durable = True

    def close(self) -> None:
        """Let go of the file. Does not write."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._pages.clear()
        self._dirty.clear()
