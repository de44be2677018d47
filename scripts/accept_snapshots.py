"""Write the dashboard's snapshots anew: `python scripts/accept_snapshots.py [--pictures FOLDER] [PYTEST ARGUMENTS]`.

Look at what has changed (`git diff tests/tui/snapshots`) before it is committed. With --pictures each screen is in the
folder as SVG too, and, where there is a Chromium, in sheets of some pictures each as PNG, which are quicker to make and
to look at; Chinese needs a font that has it (fonts-noto-cjk).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from urllib.parse import quote

from svg import mended

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Of a sheet, in pixels: three pictures of 80 columns.
SHEET_WIDTH = 3000


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
        pictures = sorted(folder.resolve().glob("*.svg"))
        for path in pictures:
            path.write_text(mended(path.read_text("utf-8")), "utf-8")
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is not None:
            paint(browser, pictures)
    return status


def paint(browser: str, pictures: Sequence[Path]) -> None:
    """Sheets of pictures of one size."""
    sizes: dict[tuple[int, int], list[Path]] = {}
    for path in pictures:
        box = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', path.read_text("utf-8"))
        assert box is not None, path
        sizes.setdefault((ceil(float(box[1])), ceil(float(box[2]))), []).append(path)
    for (width, height), paths in sizes.items():
        columns = max(SHEET_WIDTH // width, 1)
        for number, begin in enumerate(range(0, len(paths), columns * 2)):
            some = paths[begin : begin + columns * 2]
            page = some[0].with_name(f"sheet-{width}-{number:03}.html")
            images = "".join(f'<img src="{quote(path.name)}" width="{width}">' for path in some)
            page.write_text(f'<body style="margin: 0; line-height: 0">{images}', "utf-8")
            size = f"--window-size={columns * width},{-(-len(some) // columns) * height}"
            where = [f"--screenshot={page.with_suffix('.png')}", size, page.as_uri()]
            command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *where]
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            page.unlink()


if __name__ == "__main__":
    sys.exit(main())
