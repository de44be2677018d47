"""Judges the files of the commitlog as a chain: lengths, names, gaps, and files that carry another file's name.

`usable_files` gives the files as the records say that they belong: cut to the file size, and at their true offset.
"""

from __future__ import annotations

import copy
from typing import Final

from rocketmq_ops.common.message_codec import BadRecordError, read_record
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.record_layout import PHYSICAL_OFFSET, PHYSICAL_OFFSET_POSITION, SIZE
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.reading.damage import Damage
from rocketmq_ops.store.inspect.reading.resync import first_nonzero
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreFile
from rocketmq_ops.store.inspect.reading.strangers import is_last, judge_stranger

DEFAULT_LOG_FILE: Final = 1 << 30
_PROBE: Final = 1 << 16  # bytes read to learn where the first records of a file say that they are


def usable_files(
    chain: FileChain, report: Report, damages: list[Damage], size: int, *, live: bool = False
) -> list[StoreFile]:
    """The commitlog's files in order; `size` is mappedFileSizeCommitLog in bytes. Gaps are added to `damages`. With
    `live` a last file without content is one that is just being made."""
    originals = chain.files[:-1] if live and chain.files and not chain.files[-1].size else chain.files
    files = [_usable(file, report, size, chain.files[0].base) for file in originals]
    taken: set[int] = set()
    for file, original in zip(files, originals, strict=True):
        if file.base in taken:  # two files say the same: the name decides
            file.base = original.base
        taken.add(file.base)
    files.sort(key=lambda f: f.base)
    for start, end in chain.gaps():
        report.add(
            "CL-GAP",
            f"{plural((end - start) // max(size, 1), 'file', 'files')} missing: offsets {start} to {end}",
            file=f"commitlog/{start:020d}", offset=start, length=end - start,
        )  # fmt: skip
        damages.append(Damage(start, end, "CL-GAP"))
    report_strangers(chain, report, "CL-STRANGER", "commitlog", size or DEFAULT_LOG_FILE)
    return files


def report_strangers(chain: FileChain, report: Report, kind: str, folder: str, size: int) -> None:
    """Report the foreign names of a folder, by what Apache's brokers make of them; `size` is that of its files."""
    for path in chain.strangers:
        try:
            verdict = judge_stranger(path, size, last=is_last(path))
        except FileNotFoundError:
            continue  # the folder is gone: a running broker deletes
        if verdict.refused_by_5:
            does, severity = "Apache's brokers refuse to start", Severity.CRITICAL
        elif verdict.refused_by_4:
            does, severity = "Apache's 4.9 refuses to start", Severity.WARNING
        else:
            does, severity = "Apache's brokers read it as one of the log's files", Severity.CRITICAL
        report.add(
            kind, f"foreign file: {verdict.why}; {does}", file=f"{folder}/{path.name}", severity=severity,
        )  # fmt: skip


def _usable(file: StoreFile, report: Report, size: int, first: int) -> StoreFile:
    name = f"commitlog/{file.path.name}"
    usable = file
    if file.size != size:
        report.add(
            "CL-LENGTH", f"the file has {file.size} bytes, not {size}", file=name, offset=file.base, expected=size,
            actual=file.size, severity=Severity.WARNING if file.size == 0 and is_last(file.path) else None,
        )  # fmt: skip
        if file.size > size:
            if (at := first_nonzero(file, size)) is not None:
                report.add(
                    "CL-TRAILING", f"bytes that are not zero behind the {size} bytes that belong to the "
                    f"file", file=name,
                    position=at,
                )  # fmt: skip
            usable = copy.copy(file)
            usable.size = size
    odd = size > 0 and file.base % size != first % size
    if odd:
        report.add("CL-NAME", f"the name is not a multiple of the file size {size}", file=name, offset=file.base)
    true_base = _true_base(usable)
    if true_base is not None and true_base != file.base and size > 0 and true_base % size == first % size:
        if not odd:
            report.add(
                "CL-SWAPPED", f"by its records this is file {true_base:020d}", file=name, offset=file.base,
                trueOffset=true_base,
            )  # fmt: skip
        if usable is file:
            usable = copy.copy(file)
        usable.base = true_base
    return usable


def _true_base(file: StoreFile) -> int | None:
    """The offset at which the first two records of a file say that it begins, None when they do not agree."""
    data = file.read(0, _PROBE)
    bases: list[int] = []
    position = 0
    while len(bases) < 2:
        try:
            record = read_record(data, position, check_crc=False)
        except BadRecordError:
            return _single(data, bases)
        if record is None:
            break
        bases.append(record.physical_offset - position)
        position += record.size
    return bases[0] if bases and bases[0] >= 0 and len(set(bases)) == 1 and len(bases) == 2 else None


def _single(data: bytes, bases: list[int]) -> int | None:
    """A second record that is not whole in the data, but has a head, can still bear the first out."""
    if len(bases) != 1:
        return None
    (size,) = SIZE.unpack_from(data)
    if size + PHYSICAL_OFFSET_POSITION + PHYSICAL_OFFSET.size > len(data):
        return None
    (physical,) = PHYSICAL_OFFSET.unpack_from(data, size + PHYSICAL_OFFSET_POSITION)
    return bases[0] if physical - size == bases[0] >= 0 else None
