"""Set up everything and run the tests: `python3 scripts/test.py [pytest options]`. Needs Python 3.11+ and an index.

Without options the whole suite runs, in as many processes as there are cores (8 at most), each file in one of them.
"""

import os
import sys

from environment import ROOT, guarded, prepare

WHOLE_SUITE = ["--numprocesses=auto", "--maxprocesses=8", "--dist=loadfile"]


def main():
    """Set up, then become pytest."""
    binaries = prepare("dev")
    os.chdir(str(ROOT))
    python = str(binaries / "python")
    os.execv(python, [python, "-m", "pytest", "-q", *(sys.argv[1:] or WHOLE_SUITE)])


if __name__ == "__main__":
    sys.exit(guarded(main))
