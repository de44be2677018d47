"""Which methods of a widget a message goes to, found once for its class.

Textual goes through all classes that a widget is made of, some fifteen, for each message to it: of the two hundred that
it takes to open a screen that was a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.message import Message
    from textual.message_pump import MessagePump

    _Base = MessagePump
else:
    _Base = object


class Heard(_Base):
    """Comes before Textual's class among the bases."""

    def _get_dispatch_methods(
        self, method_name: str, message: Message
    ) -> Iterable[tuple[type, Callable[[Message], Awaitable[Any]]]]:
        """See `MessagePump`."""
        kind: type = type(message)
        methods = _methods(type(self), method_name, kind)
        if methods is None:
            yield from super()._get_dispatch_methods(method_name, message)
            return
        for cls, method in methods:
            if message._no_default_action:  # the one before may have said so
                break
            yield cls, method.__get__(self, cls)


@cache
def _methods(kind: type, name: str, message: type) -> Sequence[tuple[type, Any]] | None:
    """As Textual finds them by their names. None: it would choose among them by more than these."""
    if any(vars(cls).get("_decorated_handlers", {}).keys() & set(message.__mro__) for cls in kind.__mro__):
        return None
    named = [(cls, vars(cls).get(f"_{name}") or vars(cls).get(name)) for cls in kind.__mro__]
    return [(cls, method) for cls, method in named if method is not None and not hasattr(method, "_textual_on")]
