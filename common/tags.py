"""Tag expressions (`TagA || TagB`) as consumers give them, read as Java's FilterAPI reads them."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.common.javatypes import TRIMMED

#: The expression of a consumer that takes every message.
SUB_ALL: Final = "*"


def split_tags(expression: str | None) -> list[str] | None:
    """The tags of an expression, each once; None when it selects every message. Raises ValueError for a lone `||`.

    Blanks, and `||` with blanks beside it, are lists without a tag: they select nothing. `*` with blanks is a tag.
    """
    if not expression or expression == SUB_ALL:
        return None
    parts = expression.split("||")
    while parts and not parts[-1]:  # as Java's split does
        parts.pop()
    if not parts:
        raise ValueError("subString split error")
    return list(dict.fromkeys(tag for part in parts if (tag := part.strip(TRIMMED))))
