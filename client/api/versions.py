"""The text of a version number, as Apache's MQVersion orders them: a snapshot and a release for each x.y.z."""

from __future__ import annotations

_V4_0_0_SNAPSHOT = 212  # from here on every version has both, with ten patches to a minor and ten minors to a major
_LAST = 611
V4_9_3 = 399
V5_0_0 = 413


def version_text(version: int) -> str:
    """`V5_3_3` for 479. Versions before 4.0.0 are told as `V3 (number)`."""
    if version < _V4_0_0_SNAPSHOT:
        return f"V3 ({version})"
    release, is_release = divmod(min(version, _LAST) - _V4_0_0_SNAPSHOT, 2)
    text = f"V{4 + release // 100}_{release // 10 % 10}_{release % 10}"
    return text if is_release else text + "_SNAPSHOT"
