"""Message bodies compressed as Apache's compressors do: zlib, lz4 frames, zstd, distinguished by the sysFlag.

The libraries for lz4 and zstd are imported when a body needs them.
"""

from __future__ import annotations

import zlib

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.sysflag import (
    COMPRESSION_LZ4_TYPE,
    COMPRESSION_TYPE_MASK,
    COMPRESSION_ZLIB_TYPE,
    COMPRESSION_ZSTD_TYPE,
)

DEFAULT_LEVEL = 5
MAX_DECOMPRESSED = 1 << 28  # 256 MiB: far above any maxMessageSize in use, low enough to stop a bomb


def compression_name(sys_flag: int) -> str:
    """`lz4`, `zstd` or `zlib`; 0 means zlib, for messages older than the type bits."""
    kind = sys_flag & COMPRESSION_TYPE_MASK
    names = {0: "zlib", COMPRESSION_LZ4_TYPE: "lz4", COMPRESSION_ZSTD_TYPE: "zstd", COMPRESSION_ZLIB_TYPE: "zlib"}
    if kind not in names:
        raise CorruptDataError(f"unknown compression type {kind >> 8} in sysFlag {sys_flag}")
    return names[kind]


def compress(body: bytes, kind: int = COMPRESSION_ZLIB_TYPE, level: int = DEFAULT_LEVEL) -> bytes:
    """`body` compressed; `kind` is one of the COMPRESSION_*_TYPE bits."""
    name = compression_name(kind)
    if name == "lz4":
        import lz4.frame

        return bytes(lz4.frame.compress(body))
    if name == "zstd":
        import zstandard

        return zstandard.ZstdCompressor(level=level).compress(body)
    return zlib.compress(body, level)


def decompress(body: bytes, sys_flag: int, limit: int = MAX_DECOMPRESSED) -> bytes:
    """The plain body. Raises CorruptDataError when it cannot be decompressed or would exceed `limit` bytes."""
    name = compression_name(sys_flag)
    try:
        if name == "lz4":
            import lz4.frame

            plain = lz4.frame.LZ4FrameDecompressor().decompress(body, limit + 1)
        elif name == "zstd":
            import zstandard

            with zstandard.ZstdDecompressor().stream_reader(body) as reader:
                plain = reader.read(limit + 1)
        else:
            inflater = zlib.decompressobj()
            plain = inflater.decompress(body, limit + 1)
            if not inflater.eof and len(plain) <= limit:
                raise CorruptDataError("the zlib body is cut short")
    except CorruptDataError:
        raise
    except Exception as error:  # each library has an error class of its own
        raise CorruptDataError(f"the {name} body cannot be decompressed: {error}") from error
    if len(plain) > limit:
        raise CorruptDataError(f"the {name} body is larger than {limit} bytes when decompressed")
    return bytes(plain)
