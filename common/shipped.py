"""Where the files are that come with the programs: `conf` with example configurations, and the pages of `docs`."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(__file__)


def shipped_path(name: str) -> str:
    """The path on this machine of a file or folder that is shipped, for example `docs/configuration.md`.

    It lies beside this package's folder: in a checkout at the top, in an installation inside the package.
    """
    return os.path.join(os.path.dirname(os.path.realpath(_PACKAGE)), name)
