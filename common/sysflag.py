"""Bit flags of messages, pull requests and topics: Apache's MessageSysFlag, PullSysFlag and TopicSysFlag.

Permissions live in `permission.py`.
"""

from __future__ import annotations

COMPRESSED_FLAG = 0x1
MULTI_TAGS_FLAG = 0x1 << 1
TRANSACTION_NOT_TYPE = 0
TRANSACTION_PREPARED_TYPE = 0x1 << 2
TRANSACTION_COMMIT_TYPE = 0x2 << 2
TRANSACTION_ROLLBACK_TYPE = 0x3 << 2
TRANSACTION_MASK = 0x3 << 2
BORNHOST_V6_FLAG = 0x1 << 4
STOREHOSTADDRESS_V6_FLAG = 0x1 << 5
NEED_UNWRAP_FLAG = 0x1 << 6
INNER_BATCH_FLAG = 0x1 << 7
COMPRESSION_LZ4_TYPE = 0x1 << 8
COMPRESSION_ZSTD_TYPE = 0x2 << 8
COMPRESSION_ZLIB_TYPE = 0x3 << 8
COMPRESSION_TYPE_MASK = 0x7 << 8
#: All flags of a message that Apache has up to 5.5.0.
KNOWN_FLAGS = 0x7FF

PULL_COMMIT_OFFSET = 0x1
PULL_SUSPEND = 0x1 << 1
PULL_SUBSCRIPTION = 0x1 << 2
PULL_CLASS_FILTER = 0x1 << 3
PULL_LITE = 0x1 << 4

TOPIC_UNIT = 0x1
TOPIC_UNIT_SUB = 0x1 << 1


def transaction_type(sys_flag: int) -> int:
    """The two transaction bits: one of the TRANSACTION_* values."""
    return sys_flag & TRANSACTION_MASK


def with_transaction_type(sys_flag: int, value: int) -> int:
    """`sys_flag` with its transaction bits replaced by `value`."""
    return (sys_flag & ~TRANSACTION_MASK) | value


def pull_sys_flag(
    *, commit_offset: bool, suspend: bool, subscription: bool, class_filter: bool = False, lite: bool = False
) -> int:
    """The sysFlag field of a pull request."""
    return (
        (PULL_COMMIT_OFFSET if commit_offset else 0)
        | (PULL_SUSPEND if suspend else 0)
        | (PULL_SUBSCRIPTION if subscription else 0)
        | (PULL_CLASS_FILTER if class_filter else 0)
        | (PULL_LITE if lite else 0)
    )
