"""A span of time for people."""

from __future__ import annotations


def human_span(milliseconds: float) -> str:
    """A span in its two largest units: `350ms`, `12s`, `3m5s`, `2h40m`, `5d1h`; one that is negative with a minus."""
    if milliseconds < 0:
        return f"-{human_span(-milliseconds)}"
    if milliseconds < 1000:
        return f"{milliseconds:g}ms"
    left, parts = int(milliseconds // 1000), []
    for name, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        parts.append((count, name))
    while not parts[0][0]:
        del parts[0]
    return "".join(f"{count}{name}" for count, name in parts[:2] if count)
