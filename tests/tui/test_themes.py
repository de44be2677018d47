"""Themes: whatever a table or a line is drawn with can be read, also below a cursor with and without the keys."""

from __future__ import annotations

import asyncio

import pytest
from rich.style import Style

from rocketmq_ops.tui.widgets.styles import Styled
from tests.tui.fakes import dashboard
from tests.tui.snapshot import CONTRAST, contrast


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_is_drawn_can_be_read(theme: str) -> None:
    async def main() -> dict[str, float | None]:
        app = dashboard(theme=theme)
        async with app.run_test(size=(80, 24)):
            variables = app.theme_variables
            text = Style(color=variables["foreground"], bgcolor=variables["background"])
            line = Style(color=variables["foreground"], bgcolor=variables["panel"])
            found: dict[str, float | None] = {}
            for name in sorted(Styled.COMPONENT_CLASSES):
                style = app.style_of(name)
                if name.startswith(("line--", "input--")):
                    found[name] = contrast(line + style)
                    continue
                found[name] = contrast(text + style)
                for cursor in ("grid--cursor", "grid--resting"):
                    if name not in ("grid--heading", "grid--sorted", "grid--cursor"):  # which never lie below it
                        found[f"{name} below {cursor}"] = contrast(text + style + app.style_of(cursor))
            return found

    weak = {name: each for name, each in asyncio.run(main()).items() if each is None or each < CONTRAST}
    assert not weak
