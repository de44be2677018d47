"""How message bodies are shown: as text, JSON, hex or base64, or decoded by a function of the user's.

A decoder takes the body (bytes, decompressed where the message says that it is compressed) and returns what is shown: a
text, or anything that has a JSON form. It is named `MODULE:FUNCTION`, looked for in the current folder too, or by the
name of an entry point of the group `rocketmq_ops.decoders`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rocketmq_ops.client.admin.messages.message_results import MessageView, view
from rocketmq_ops.common.json_text import laid_out

if TYPE_CHECKING:
    from rocketmq_ops.common.message import MessageExt

ENTRY_POINTS: Final = "rocketmq_ops.decoders"
FORMS: Final = ("text", "json", "hex", "base64")

Decoder = Callable[[bytes], Any]
View = Callable[["MessageExt"], MessageView]


def decoder(name: str) -> Decoder:
    """The function that a name stands for. Raises ValueError, saying what is not there."""
    if ":" not in name:
        return _entry_point(name)
    module_name, _, path = name.partition(":")
    if not module_name or not path:
        raise ValueError(f"invalid decoder '{name}': expected MODULE:FUNCTION or the name of an entry point")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise ValueError(f"invalid decoder '{name}': the module cannot be imported: {_said(error)}") from error
    for step in path.split("."):
        found = getattr(found, step, None)
    if not callable(found):
        raise ValueError(f"invalid decoder '{name}': the module has no function {path}")
    function: Decoder = found
    return function


def _entry_point(name: str) -> Decoder:
    from importlib.metadata import entry_points

    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name not in points:
        there = f"; there are {', '.join(sorted(points))}" if points else ""
        raise ValueError(
            f"unknown decoder '{name}': expected MODULE:FUNCTION or an entry point of {ENTRY_POINTS}{there}"
        )
    try:
        function: Decoder = points[name].load()
    except Exception as error:
        raise ValueError(f"decoder '{name}' cannot be loaded: {_said(error)}") from error
    return function


def viewer(
    *, form: str = "text", decode: Decoder | None = None, charset: str = "utf-8", with_body: bool = True
) -> View:
    """What makes a message's view, with its body in this form; a decoder goes before the form."""
    if (form == "text" and decode is None) or not with_body:
        return lambda message: view(message, charset=charset, with_body=with_body)

    def show(message: MessageExt) -> MessageView:
        if message.body_error is not None:
            return view(message, charset=charset)
        if decode is not None:
            return _decoded(message, decode, charset)
        if form == "base64":
            return msgspec.structs.replace(view(message, charset="ascii"), **_base64(message.body))
        if form == "hex":
            return _with_body(message, message.body.hex())
        try:
            return _with_body(message, laid_out(message.body, compact=True))
        except (ValueError, RecursionError) as error:
            shown = view(message, charset=charset)
            shown.body_error = f"the body is not JSON: {_said(error)}"
            return shown

    return show


def _decoded(message: MessageExt, decode: Decoder, charset: str) -> MessageView:
    """A body that the decoder fails on is shown as its bytes, with the reason."""
    try:
        value = decode(message.body)
        if isinstance(value, (bytes, bytearray, memoryview)):
            value = bytes(value).decode(charset)
        text = value if isinstance(value, str) else _compact(value)
    except Exception as error:
        shown = view(message, charset=charset)
        shown.body, shown.body_error = None, f"the decoder failed: {_said(error)}"
        shown.body_base64 = _base64(message.body)["body_base64"]
        return shown
    return _with_body(message, text)


def _with_body(message: MessageExt, text: str) -> MessageView:
    shown = view(message, with_body=False)
    shown.body = text
    return shown


def _base64(body: bytes) -> dict[str, str | None]:
    import base64

    return {"body": None, "body_base64": base64.b64encode(body).decode()}


def _compact(value: Any) -> str:
    if isinstance(value, (dict, list, int, float, str, bool, type(None))):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return msgspec.json.encode(value, enc_hook=str).decode()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
