"""The shells that `scripts/os.sh` is tried in."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "os.sh"
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"], "bash": ["bash", "--posix"]}


def shell(name: str) -> list[str]:
    """The words that start a shell; skips the test where there is none, which CI does not allow."""
    words = SHELLS[name]
    if shutil.which(words[0]) is None:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {words[0]}")
        pytest.skip(f"no {words[0]} on this machine")
    return words


def os_sh(shell_words: list[str], *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the script without a terminal."""
    # A library that shifts the clock of the tests changes what `cp -p` copies: it sees file times otherwise than it sets them.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(
        [*shell_words, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        env=environment,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done
