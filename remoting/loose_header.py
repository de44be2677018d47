"""JSON headers that are written in another way than Apache's writers do: what fastjson takes, it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.fastjson_types import NOT_NULL, convert
from rocketmq_ops.remoting.codes import LanguageCode
from rocketmq_ops.remoting.command import JSON, Int, RemotingCommand
from rocketmq_ops.remoting.errors import FrameError

if TYPE_CHECKING:
    Language = str
else:
    Language = Literal[tuple(LanguageCode.__members__)]


class _LooseHeader(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A JSON header's members as fastjson finds them: any but the code may be missing, null or empty."""

    code: Annotated[Int, NOT_NULL]
    ext_fields: dict[str, str] | None = None
    flag: Int = 0
    language: Language | None = None
    opaque: Int = 0
    remark: str | None = None
    version: Int = 0


def decode_loose_header(raw: bytes | memoryview) -> RemotingCommand:
    """A command from a header that is written in another way than Apache's writers do. Raises FrameError."""
    try:
        value = loads(raw)
        if not isinstance(value, dict):
            raise FrameError("invalid JSON header: expected an object")
        read = convert(value, _LooseHeader)
    except CorruptDataError as error:
        raise FrameError(f"broken JSON header: {error}") from None
    return RemotingCommand(
        code=read.code,
        flag=read.flag,
        language=read.language or LanguageCode.OTHER.name,
        opaque=read.opaque,
        remark=read.remark,
        version=read.version,
        serialize_type=JSON,
        ext_source=read.ext_fields,
    )
