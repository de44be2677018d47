"""The blank that ends a commitlog file whose rest is unused: the head of a record, with a magic of its own.

Source: CommitLog.DefaultAppendMessageCallback.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.record_layout import BLANK_MAGIC, SIZE_AND_MAGIC

#: A file always keeps room for its blank.
END_FILE_MIN_BLANK: Final = SIZE_AND_MAGIC.size


def blank_of(left: int) -> bytes:
    """The blank of a file of which so many bytes are left."""
    return SIZE_AND_MAGIC.pack(left, BLANK_MAGIC)
