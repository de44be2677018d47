"""A number of things for people: one of them is singular, and so is what it does."""

from __future__ import annotations


def plural(count: int, one: str, many: str, *, grouped: bool = False) -> str:
    """The number and its words, as in `1 message waits` and `3 messages wait`; `grouped`: 1,000 and not 1000.

    The catalogue has the words of each under `1 message waits` and `{count} messages wait`.
    """
    return f"1 {one}" if count == 1 else f"{count:,} {many}" if grouped else f"{count} {many}"
