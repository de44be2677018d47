"""Write the snapshots of the dashboard's screens anew: `python scripts/accept_snapshots.py [PYTEST ARGUMENTS]`.

Look at what has changed (`git diff tests/tui/snapshots`) before it is committed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the tests of the screens, which write what they draw."""
    environment = {**os.environ, "ROCKETMQ_OPS_ACCEPT_SNAPSHOTS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", *(sys.argv[1:] or ["tests/tui"])]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
