"""One request or response: `RemotingCommand`, mirrored from Apache's class of that name.

What lives here: the command itself, its lazily decoded `extFields`, and typed headers read from them. How a command
becomes bytes is in `frame_codec`, who sends it in `channel`.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec

from rocketmq_ops.remoting.codes import ANSWERED_WITH_FIELDS
from rocketmq_ops.remoting.errors import RemotingProtocolError

JSON: Final = 0
ROCKETMQ: Final = 1
RESPONSE_FLAG: Final = 1
ONEWAY_FLAG: Final = 2

#: Ordinal of V5_3_3 in Apache's MQVersion; every command carries it.
MQ_VERSION: Final = 479

Int = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
Long = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class HeaderBoolean(Enum):
    """A boolean of a custom header as Java's parseBoolean reads it: only `true`, in any case, is true.

    Such a field never fails. What was decoded is a member, whose truth is the field's; to send, give a bool.
    """

    TRUE = "true"
    FALSE = "false"

    @classmethod
    def _missing_(cls, value: object) -> HeaderBoolean:
        return cls.TRUE if isinstance(value, str) and value.lower() == "true" else cls.FALSE

    def __bool__(self) -> bool:
        return self is HeaderBoolean.TRUE

    def __eq__(self, other: object) -> bool:
        return bool(self) is other if isinstance(other, bool) else self is other

    def __hash__(self) -> int:
        return hash(bool(self))

    def __str__(self) -> str:
        return str(self.value)


if TYPE_CHECKING:
    from rocketmq_ops.remoting.headers.base import CustomHeader

    Bool = bool
else:
    Bool = HeaderBoolean

_INTEGERS = (Int, Long, Int | None, Long | None)

Body = bytes | bytearray | memoryview | list[bytes | memoryview]

T = TypeVar("T")


class Held(Enum):
    """The type of HELD."""

    HELD = "HELD"

    def __repr__(self) -> str:
        return "HELD"


#: A handler returns this when the answer comes later, by `channel.send`.
HELD: Final = Held.HELD


class _ExtOnly(msgspec.Struct, rename="camel"):
    ext_fields: dict[str, Any] | None = None


_decode_ext_only = msgspec.json.Decoder(_ExtOnly).decode


class RemotingCommand(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A request or response. Make them with `request()` and `reply()`.

    `header` is the typed custom header (to send, or as decoded for a registered code), `body` bytes or a list of
    parts that are sent one after the other without being copied. `opaque` is set by the connection that sends.
    """

    # In the order of Apache's writer, which is the fastest to read.
    code: Int
    header: Any = msgspec.field(default=None, name="extFields")
    flag: Int = 0
    language: str = "PYTHON"
    opaque: Int = 0
    remark: str | None = None
    # The decoder sets it itself. What peers write here is ignored, but other unknown names are refused: they
    # may be known ones in another spelling.
    serialize_type: Any = msgspec.field(default=JSON, name="serializeTypeCurrentRPC")
    version: Int = MQ_VERSION
    # The rest never comes from a peer's JSON: the decoder sets both after decoding.
    body: Any = msgspec.field(default=b"", name="(body)")
    #: None, the dict of extFields, or the raw JSON header from which they are decoded when asked for.
    ext_source: Any = msgspec.field(default=None, name="(extSource)")

    @staticmethod
    def request(
        code: int, header: CustomHeader | None = None, body: Body = b"", ext_fields: dict[str, str] | None = None
    ) -> RemotingCommand:
        """A request to send; fields in `ext_fields` are sent beside those of `header`."""
        return RemotingCommand(code=code, header=header, body=body, ext_source=ext_fields)

    @staticmethod
    def of(
        header: CustomHeader, body: Body = b"", ext_fields: dict[str, str] | None = None, code: int | None = None
    ) -> RemotingCommand:
        """The request that `header` belongs to; of several the first, unless `code` says which."""
        code = header.codes[0] if code is None else code
        return RemotingCommand(code=code, header=header, body=body, ext_source=ext_fields)

    def reply(
        self,
        code: int = 0,
        remark: str | None = None,
        header: CustomHeader | None = None,
        ext_fields: dict[str, str] | None = None,
        body: Body = b"",
    ) -> RemotingCommand:
        """The response to this request: same opaque and serialise type, response flag set."""
        if header is None and ext_fields is None and self.code in ANSWERED_WITH_FIELDS:
            ext_fields = {}
        return RemotingCommand(
            code=code,
            flag=RESPONSE_FLAG,
            opaque=self.opaque,
            remark=remark,
            header=header,
            body=body,
            serialize_type=self.serialize_type,
            ext_source=ext_fields,
        )

    @property
    def is_response(self) -> bool:
        """True for the answer to a request."""
        return self.flag & RESPONSE_FLAG != 0

    @property
    def is_oneway(self) -> bool:
        """True for a request that wants no answer."""
        return self.flag & ONEWAY_FLAG != 0

    @property
    def ext_fields(self) -> dict[str, str]:
        """All `extFields` as text, those without a place in the typed header too. Change it to send more."""
        source = self.ext_source
        if type(source) is dict:
            return source
        fields = {} if source is None else _read_ext_fields(source)
        self.ext_source = fields
        return fields

    @ext_fields.setter
    def ext_fields(self, fields: dict[str, str]) -> None:
        self.ext_source = fields

    @property
    def source_bytes(self) -> int:
        """Bytes of the header as it came: of its JSON, or of the texts of its fields."""
        source = self.ext_source
        if type(source) is not dict:
            return 0 if source is None else len(source)
        size = sum(len(name) + len(value) for name, value in source.items())
        return size + len(self.language) + len(self.remark or "")

    @property
    def body_bytes(self) -> bytes:
        """The body as one bytes object; a copy unless it is one already."""
        body = self.body
        if isinstance(body, bytes):
            return body
        return b"".join(body) if isinstance(body, list) else bytes(body)

    def decode_header(self, cls: type[T]) -> T:
        """The custom header as `cls`. Raises RemotingProtocolError naming a field that is missing or bad."""
        header = self.header
        if type(header) is cls:
            return header
        fields = self.ext_fields
        try:
            return msgspec.convert(fields, cls, strict=False)
        except msgspec.ValidationError:
            pass
        try:
            return msgspec.convert(_as_java_reads(fields, cls), cls, strict=False)
        except msgspec.ValidationError as error:
            detail = str(error).replace("Object missing required field", "the custom field is missing:")
            raise RemotingProtocolError(
                f"bad {cls.__name__} of code {self.code}: {detail}", "send every required field in its declared type"
            ) from None


#: What a handler returns: the response, or the bytes of its whole frame (`answer_frame`); HELD when it comes later;
#: None for no answer at all.
Answer = RemotingCommand | bytes | Held | None


def _as_java_reads(fields: dict[str, str], cls: Any) -> dict[str, str]:
    """The fields without what Java's reader passes over: `+` before a number, and a bad number where none is needed."""
    kept = dict(fields)
    for field in msgspec.structs.fields(cls):
        text = kept.get(field.encode_name)
        if text is None or field.type not in _INTEGERS:
            continue
        if text[:1] == "+":
            kept[field.encode_name] = text = text[1:]
        if not field.required and not text.removeprefix("-").isdecimal():
            del kept[field.encode_name]
    return kept


def _read_ext_fields(raw: bytes | memoryview) -> dict[str, str]:
    """`extFields` of a raw JSON header as text; a null counts as missing, as in Apache's reader."""
    fields = _decode_ext_only(raw).ext_fields
    if not fields:
        return {}
    return {k: v if type(v) is str else field_text(v) for k, v in fields.items() if v is not None}


def field_text(value: object) -> str:
    """A header value as Java's toString writes it."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return str(value)
