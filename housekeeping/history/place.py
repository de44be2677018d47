"""Where the history of a cluster lies when no file is named: one file for each set of name servers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from rocketmq_ops.common.state_folder import state_folder

_READABLE = 48


def history_file(name_servers: Iterable[str]) -> Path:
    """The file for the cluster behind these name servers, in whatever order they are named."""
    names = sorted(set(name_servers))
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", "+".join(names))[:_READABLE]
    mark = hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
    return state_folder() / "history" / f"{readable}-{mark}.sqlite"
