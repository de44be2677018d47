"""`mqadmin store verify`: replay the proof of a salvage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.store import TargetDir
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.store.inspect.salvage.verify import verify


class Verified(msgspec.Struct, rename="camel", kw_only=True):
    """`problems` is empty when every claim of the proof holds."""

    target: str
    holds: bool
    records: int
    changed: int
    dropped_bytes: int
    compared_with_source: bool
    problems: list[str]


@command(result=Verified, offline=True, example="mqadmin store verify /data/salvaged --source /data/rocketmq/store")
async def store_verify(
    run: Run,
    target: Annotated[TargetDir, "the directory that `store salvage` made"],
    source: Annotated[str | None, Opt("--source", help="the damaged store, to compare with it too")] = None,
) -> Outcome:
    """Nothing is written. Exit code 11 when the proof does not hold."""
    result = verify(Path(target), None if source is None else Path(source))
    data = Verified(
        target=target, holds=result.ok, records=result.records, changed=result.changed,
        dropped_bytes=result.dropped_bytes, compared_with_source=result.compared_with_source, problems=result.problems,
    )  # fmt: skip
    against = "the salvaged and the damaged store" if data.compared_with_source else "the salvaged store"
    if result.ok:
        kept = plural(data.records, "record", "records", grouped=True)
        text = f"the proof holds against {against}: kept {kept}, {data.changed:,} changed"
        return Outcome(data=data, blocks=[text])
    problems = [Failure(target=target, cause=text, next_step="") for text in result.problems]
    problems[-1].next_step = "salvage again into a new directory, and do not use this one"
    return Outcome(
        data=data, blocks=[f"the proof does not hold against {against}"], status="failed", errors=problems,
        exit_code=ExitCode.STORE_ERROR,
    )  # fmt: skip
