"""The text of a version number, as Apache's MQVersion orders them: a snapshot and a release for each x.y.z."""

from __future__ import annotations

_V4_0_0_SNAPSHOT = 212  # from here on every version has both, with ten patches to a minor and ten minors to a major
_LAST = 611
V5_0_0 = 413
V5_4_0 = 493


def version_text(version: int) -> str:
    """`V5_3_3` for 479. Versions before 4.0.0 are `V3 (number)`."""
    if version < _V4_0_0_SNAPSHOT:
        return f"V3 ({version})"
    release, is_release = divmod(min(version, _LAST) - _V4_0_0_SNAPSHOT, 2)
    text = f"V{4 + release // 100}_{release // 10 % 10}_{release % 10}"
    return text if is_release else text + "_SNAPSHOT"


def release_of(version: int) -> tuple[int, int, int]:
    """(5, 3, 3) for 479; a snapshot counts as its release, and what is before 4.0.0 as (3, 0, 0)."""
    if version < _V4_0_0_SNAPSHOT:
        return 3, 0, 0
    release = (min(version, _LAST) - _V4_0_0_SNAPSHOT) // 2
    return 4 + release // 100, release // 10 % 10, release % 10
