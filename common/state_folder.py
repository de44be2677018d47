"""Where this user's programs keep what must outlive a run: the journal, the shell's lines, histories of clusters."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """`$XDG_STATE_HOME/rocketmq-ops`, else the platform's folder for what programs keep between runs."""
    if os.environ.get("XDG_STATE_HOME"):
        return Path(os.environ["XDG_STATE_HOME"]) / "rocketmq-ops"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rocketmq-ops"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "rocketmq-ops"
    return Path.home() / ".local" / "state" / "rocketmq-ops"
