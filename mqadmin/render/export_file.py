"""Writing an export: a JSON file in a folder, what it held before beside it as `.bak`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import status

if TYPE_CHECKING:
    from rocketmq_ops.common.errors import Failure

#: Where Apache's commands write when no folder is given.
EXPORT_FOLDER = "/tmp/rocketmq/export"


def save_export(folder: str, name: str, document: msgspec.Struct) -> str:
    """Write a document as indented JSON; the path. Raises RocketMQError when it cannot be written."""
    path = os.path.join(folder, name)
    save_with_backup(path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    return path


def export_file_outcome(
    data: msgspec.Struct, path: str, failures: Sequence[Failure], notes: Sequence[str] = ()
) -> Outcome:
    """What Apache's command prints of a written file; with failures the file holds them too."""
    return Outcome(
        data=data,
        blocks=[f"export {path} success"],
        status=status(failures),
        errors=list(failures),
        notes=list(notes),
    )
