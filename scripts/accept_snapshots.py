"""Write the dashboard's snapshots anew: `python scripts/accept_snapshots.py [--pictures FOLDER] [PYTEST ARGUMENTS]`.

Look at what has changed (`git diff tests/tui/snapshots`) before it is committed. With --pictures each screen is in the
folder as SVG too, and as PNG where there is a Chromium; Chinese needs a font that has it (fonts-noto-cjk).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from svg import mended

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Run the tests of the screens, which write what they draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of the screens")
    given, rest = parser.parse_known_args()
    environment = {**os.environ, "ROCKETMQ_OPS_ACCEPT_SNAPSHOTS": "1"}
    folder: Path | None = given.pictures
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        environment["ROCKETMQ_OPS_PICTURES"] = str(folder.resolve())
    command = [sys.executable, "-m", "pytest", "-q", *(rest or ["tests/tui/test_pictures.py"])]
    status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if folder is not None:
        for path in sorted(folder.resolve().glob("*.svg")):
            path.write_text(mended(path.read_text("utf-8")), "utf-8")
            paint(path)
    return status


def paint(path: Path) -> None:
    """The picture as PNG beside it."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', path.read_text("utf-8"))
    if browser is None or box is None:
        return
    width, height = (round(float(side)) for side in box.groups())
    where = [f"--screenshot={path.with_suffix('.png')}", f"--window-size={width},{height}", path.as_uri()]
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *where]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    sys.exit(main())
