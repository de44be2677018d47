"""Set up everything and run the tests: `python3 scripts/test.py [pytest options]`. Needs Python 3.11+ and an index."""

import os
import sys

from environment import ROOT, guarded, prepare


def main():
    """Set up, then become pytest."""
    binaries = prepare("dev")
    os.chdir(str(ROOT))
    python = str(binaries / "python")
    os.execv(python, [python, "-m", "pytest", "-q", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(guarded(main))
