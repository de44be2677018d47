"""Saves everything that can be proven whole from a damaged store into a new one on which a broker starts.

A record is kept when its structure and body CRC are right and it stands where it belongs. It keeps its commitlog
offset, so message ids stay valid: a damaged range is filled with records of a rolled-back transaction, which no broker
dispatches, or with the blank that ends a file. Behind a lost message the queue offsets move up, and consumer offsets
with them, since neither a queue with holes nor one with foreign units can be read. Every decision goes into a proof
(`proof.py`) that `verify` replays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.check.catalogue import CATALOGUE
from rocketmq_ops.store.inspect.check.check_store import CheckOptions, CheckResult, check_store
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.check.records import RecordCheck
from rocketmq_ops.store.inspect.reading.batch_queues import batch_topics
from rocketmq_ops.store.inspect.reading.broker_config import multi_tag_topics, read_config
from rocketmq_ops.store.inspect.reading.dledger import require_log
from rocketmq_ops.store.inspect.reading.running import require_stopped
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.arrange import Arranged, ArrangedStore, arrange
from rocketmq_ops.store.inspect.salvage.config import salvage_configs
from rocketmq_ops.store.inspect.salvage.judge import Judge
from rocketmq_ops.store.inspect.salvage.proof import PROOF_NAME, Doubtful, Header, ProofWriter, Total
from rocketmq_ops.store.inspect.salvage.rebuild import RebuildOptions, RebuildResult, StoreBuilder, prepare_target
from rocketmq_ops.store.inspect.salvage.salvage_pass import SalvageRun

CHECKED_AFTER: Final = ("commitlog", "files")  # records are checked as they are written; the rest is built from them
# What a check of the damaged store says of a record that is kept, and that is no longer to be seen in the new one.
_LOST_EVIDENCE: Final = ("CQ-TAG", "CQ-SIZE", "CQ-LOST", "CQ-BEYOND", "CQ-FOREIGN")


class SalvageResult(msgspec.Struct, kw_only=True):
    """Counts of records and bytes, of what was written, and the path of the proof."""

    kept: int
    changed: int
    dropped: int
    dropped_bytes: int
    doubtful: dict[str, int]
    queues: int
    units: int
    index_entries: int
    configs: dict[str, str]
    proof: str


def salvage(
    store: StoreDirectory,
    target: Path,
    options: RebuildOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> SalvageResult:
    """Salvage into a new directory. Raises RocketMQError when it is not empty, lies in the store, or cannot be
    written."""
    options = options or RebuildOptions()
    require_stopped(store)
    require_log(store)
    prepare_target(target, store)
    arranged = arrange(store.commitlog, options.mapped_file_size_commit_log)
    ordered = ArrangedStore(store, arranged.chain)
    checked = check_store(
        ordered, CheckOptions(parts=("commitlog", "consumequeue"), crc=False, delay_levels=options.delay_levels)
    )
    try:
        with ProofWriter(target / PROOF_NAME) as proof:
            run, built, configs = _write(store, arranged, target, proof, checked, options, progress)
    except OSError as error:
        raise RocketMQError(
            f"cannot write {target}: {error.strerror or error}", "free space, then start again in a new directory"
        ) from error
    finally:
        arranged.chain.close()
    total = run.total
    return SalvageResult(
        kept=total.kept, changed=total.changed, dropped=total.dropped, dropped_bytes=total.dropped_bytes,
        doubtful=total.findings, queues=built.queues, units=built.units, index_entries=built.index_entries,
        configs=configs, proof=str(target / PROOF_NAME),
    )  # fmt: skip


def _write(
    store: StoreDirectory,
    arranged: Arranged,
    target: Path,
    proof: ProofWriter,
    checked: CheckResult,
    options: RebuildOptions,
    progress: Callable[[int], None] | None,
) -> tuple[SalvageRun, RebuildResult, dict[str, str]]:
    proof.add(Header(source=str(store.root), file_size=arranged.size, min_offset=arranged.chain.min_offset))
    for ignored in arranged.ignored:
        proof.add(ignored)
    findings = checked.report.findings
    multi_tag = multi_tag_topics(store)
    # Without a readable topics.json nothing can be said of flags that depend on the topic.
    known = multi_tag if read_config(store, "topics.json") is not None else None
    judge = Judge(checked.corrections, store.queues, known, arranged.size, options.delay_levels)
    builder, records = StoreBuilder(store, target, options), RecordCheck(Report(), multi_tag)
    run = SalvageRun(arranged, target, proof, judge, (builder.put, records.block), batch_topics(store))
    (target / "commitlog").mkdir()
    run.all_files(progress)
    builder.finish()
    for finding in findings:
        if finding.id in _LOST_EVIDENCE and finding.offset not in run.mended:
            proof.add(Doubtful(finding=finding.id, message=finding.message, offset=finding.offset, remains=False))
    configs = salvage_configs(store, target, {**run.numbering, **run.kept_numbers}, proof)
    declare_doubts(target, proof, run.total, options, records.report)
    proof.add(run.total)
    return run, builder.result(records.report), configs


def declare_doubts(target: Path, proof: ProofWriter, total: Total, options: RebuildOptions, records: Report) -> None:
    """Put into the proof what a check still finds in the new store: values that nothing could put right. `records` is
    what was found when its records were written."""
    saved = StoreDirectory(target)
    checked = check_store(saved, CheckOptions(parts=CHECKED_AFTER, crc=False, delay_levels=options.delay_levels)).report
    saved.close()
    for finding in [*checked.findings, *records.findings]:
        if counts_as_doubt(finding.id):
            proof.add(Doubtful(finding=finding.id, message=finding.message, offset=finding.offset))
    counts = Counter(checked.counts) + Counter(records.counts)
    total.findings = {kind: count for kind, count in sorted(counts.items()) if counts_as_doubt(kind)}


def counts_as_doubt(kind: str) -> bool:
    """True for the kinds of finding that a proof must declare: all but those that need no action."""
    return CATALOGUE[kind].severity > Severity.INFO
