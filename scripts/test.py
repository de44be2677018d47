"""Set up everything and run the tests: `python3 scripts/test.py [pytest options]`. Needs Python 3.11+ and an index."""

import os

from environment import ROOT, prepare

if __name__ == "__main__":
    import sys

    binaries = prepare("dev")
    os.chdir(ROOT)
    python = str(binaries / "python")
    os.execv(python, [python, "-m", "pytest", "-q", *sys.argv[1:]])
