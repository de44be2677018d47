"""What the commands on a history share: the file, and the stretch of time that they look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.values import moment, span

if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.run import Run

Last = Annotated[int, Opt("--last", help="so long until now: 30m, 6h, 2d", parse=span, metavar="LENGTH")]
Since = Annotated[
    int, Opt("--since", help="from this time: HH:mm, ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=moment, metavar="TIME")
]
Until = Annotated[
    int, Opt("--until", help="up to this time: HH:mm, ms, or yyyy-MM-dd#HH:mm:ss:SSS", parse=moment, metavar="TIME")
]


def history_path(run: Run, named: str | None) -> Path:
    """The file that was named, else that of the name servers that the command connects to."""
    return Path(named) if named is not None else history_file(run.connection.name_servers)


def read_history(run: Run, named: str | None) -> History:
    """The history, to look at. Raises HistoryError when there is none."""
    return History.read(history_path(run, named))


def refuse_two_stretches(last: int | None, begin: int | None, end: int | None) -> None:
    """Raise a usage error where a stretch of time is given in both ways."""
    if last is not None and (begin is not None or end is not None):
        raise usage("--last does not go with --since and --until", "give one or the other")


@contextmanager
def opened(run: Run, named: str | None, bundle: str | None) -> Iterator[tuple[History, int]]:
    """The history, of a bundle where one is given, and what is now for it (ms)."""
    if bundle is None:
        with read_history(run, named) as history:
            yield history, now_ms()
        return
    if named is not None:
        raise usage("--from and --history are both given", "give one of them: a bundle has a history of its own")
    from rocketmq_ops.housekeeping.bundle.bundle import read_bundle
    from rocketmq_ops.housekeeping.bundle.runs import history_of_bundle, last_ms

    read = read_bundle(bundle)
    with history_of_bundle(read) as history:
        yield history, last_ms(read)


def stretch(last: int | None, begin: int | None, end: int | None, usual_ms: int, now: int) -> tuple[int, int]:
    """From and to in ms, both counted; the last `usual_ms` until `now` when nothing is given."""
    until = now if end is None else end
    since = max(until - (last or usual_ms), 0) if begin is None else begin
    if since > until:
        raise usage("--since is after --until", "give the earlier time first")
    return since, until
