"""Topic permissions (Apache's PermName): a bit set of priority 8, read 4, write 2, inherit 1."""

from __future__ import annotations

PERM_PRIORITY = 8
PERM_READ = 4
PERM_WRITE = 2
PERM_INHERIT = 1


def perm_to_string(perm: int) -> str:
    """Three letters, a dash for what is missing: 6 -> `RW-`, 4 -> `R--`, 7 -> `RWX`."""
    return (
        ("R" if perm & PERM_READ else "-") + ("W" if perm & PERM_WRITE else "-") + ("X" if perm & PERM_INHERIT else "-")
    )


def is_valid_perm(perm: int) -> bool:
    """True for what PermName.isValid accepts: 0 up to, not including, 8."""
    return 0 <= perm < PERM_PRIORITY
