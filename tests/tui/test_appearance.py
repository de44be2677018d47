"""Theme and language: what was chosen is that of the next start, unless something counts more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.mqadmin import dashboard as starting
from rocketmq_ops.mqadmin import lang
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.appearance import BROWSER, TERMINAL, Appearance, AppearanceError, KeptAppearance
from tests.tui.fakes import dashboard
from tests.tui.flows.driving import at_rest


@pytest.fixture(autouse=True)
def _dark_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLORFGBG", "TERM_PROGRAM", "TEXTUAL_DRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")


def started(looks: KeptAppearance, *keys: str, theme: str = "", language: str = "en") -> tuple[str, list[str]]:
    """The theme that a dashboard begins with, and the notices after these keys."""

    async def main() -> tuple[str, list[str]]:
        first: Any = dashboard(theme=theme, lang=language)
        first.context.appearance = looks
        app = Dashboard(first.context)
        begun = app.theme
        async with app.run_test(size=(80, 24)) as pilot:
            for key in keys:
                await pilot.press(key)
                await at_rest(pilot)
                await app.workers.wait_for_complete([each for each in app.workers if each.group == "appearance"])
            notices = [note.message for note in app._notifications]
        return begun, notices

    return asyncio.run(main())


def test_a_theme_that_was_chosen_is_that_of_the_next_start_in_such_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state" / "dashboard" / "looks.json"
    assert started(KeptAppearance(path)) == ("dark", [])
    assert not path.exists(), "nothing was chosen"
    started(KeptAppearance(path), "T")
    assert started(KeptAppearance(path)) == ("light", [])
    assert started(KeptAppearance(path), theme="ansi-dark", language="zh") == ("ansi-dark", []), (
        "the option counts more"
    )
    assert started(KeptAppearance(path)) == ("light", []), "and is not chosen"
    monkeypatch.setenv("COLORTERM", "")
    monkeypatch.setenv("TERM", "linux")
    assert started(KeptAppearance(path)) == ("ansi-dark", []), "a terminal of sixteen colours is another"
    started(KeptAppearance(path), "T")
    assert started(KeptAppearance(path)) == ("ansi-light", [])
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert started(KeptAppearance(path)) == ("light", [])
    assert KeptAppearance(path).chosen() == Appearance(themes={"dark": "light", "ansi-dark": "ansi-light"})


def test_without_colours_no_theme_is_chosen_nor_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "looks.json"
    started(KeptAppearance(path), "T")
    monkeypatch.setenv("NO_COLOR", "1")
    assert started(KeptAppearance(path), "T", "T", "L") == ("dark", [])
    assert KeptAppearance(path).chosen() == Appearance(language="zh", themes={"dark": "light"})


def test_what_is_chosen_right_before_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async def at_last(*_: object) -> None:
            await asyncio.sleep(3600)

        app: Any = dashboard(theme="dark")
        app.context.appearance = KeptAppearance(tmp_path / "looks.json")
        monkeypatch.setattr("rocketmq_ops.tui.app.asyncio.to_thread", at_last)  # the disk takes its time
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("T", "L", "q")

    asyncio.run(main())
    assert KeptAppearance(tmp_path / "looks.json").chosen() == Appearance(language="zh", themes={"dark": "light"})


def test_where_it_cannot_be_kept_that_is_said_once_and_the_looks_are_others_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    looks = KeptAppearance(tmp_path / "file" / "looks.json")
    begun, notices = started(looks, "T", "L", "T", "L")
    assert begun == "dark"
    (notice,) = notices
    assert notice.startswith("theme and language are not kept for the next start: cannot write ")
    with pytest.raises(AppearanceError):
        looks.keep("en", "dark", "light")


@pytest.mark.parametrize("text", ["", "[]", '{"terminal": {"themes": "dark"}}', '{"terminal": 1}'])
def test_a_file_that_cannot_be_read_is_set_aside_before_another_is_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "looks.json"
    for aside in (tmp_path / "looks.json.unreadable", tmp_path / "looks.json.unreadable1"):
        path.write_text(text)
        assert started(KeptAppearance(path)) == ("dark", [])
        assert path.read_text() == text, "nothing was chosen"
        begun, notices = started(KeptAppearance(path), "T", "T")
        assert begun == "dark"
        assert notices == [f"what was kept of theme and language cannot be read: it is in {aside} now"]
        assert aside.read_text() == text
        assert KeptAppearance(path).chosen().themes == {"dark": "ansi-dark"}


def test_where_it_cannot_be_set_aside_it_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "looks.json"
    path.write_text("[")

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refused)
    _, notices = started(KeptAppearance(path), "T")
    (notice,) = notices
    assert notice.startswith(f"theme and language are not kept for the next start: cannot set {path} aside: ")
    assert path.read_text() == "["


def test_a_theme_that_there_is_not_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "looks.json"
    path.write_text('{"terminal": {"themes": {"dark": "nosuch"}}}')
    assert started(KeptAppearance(path), "T") == ("dark", [])
    assert KeptAppearance(path).chosen().themes == {"dark": "light"}


def test_a_browser_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "looks.json"
    KeptAppearance(path, BROWSER).keep("zh", "dark", "light")
    KeptAppearance(path, TERMINAL).keep("", "dark", "ansi-dark")
    assert KeptAppearance(path, BROWSER).chosen() == Appearance(language="zh", themes={"dark": "light"})
    assert KeptAppearance(path).chosen() == Appearance(themes={"dark": "ansi-dark"})


@pytest.mark.parametrize(
    ("words", "environment", "language"),
    [
        pytest.param([], {"LANG": "en_US.UTF-8"}, "zh", id="kept"),
        pytest.param(["--lang", "en"], {"LANG": "en_US.UTF-8"}, "en", id="option"),
        pytest.param(["tui", "--lang=en"], {}, "en", id="option behind"),
        pytest.param([], {lang.SWITCH: "en"}, "en", id="environment"),
    ],
)
def test_the_language_that_was_chosen_counts_more_than_the_locale_alone(
    words: Sequence[str], environment: dict[str, str], language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    KeptAppearance(tmp_path / "rocketmq-ops" / "dashboard" / "looks.json").keep("zh", "dark", "light")
    begun: list[tuple[str, str]] = []

    class Shown(Dashboard):
        async def run_async(self, *_: object, **__: object) -> None:
            begun.append((self.context.language.name, self.theme))

    monkeypatch.setattr(starting, "Dashboard", Shown)
    looked = starting.Looked(
        address=None, write=False, theme=None, record=None, replay=None, store=str(tmp_path), interval=None
    )
    try:
        lang.begin(words, environment)
        run: Any = None  # of a store no cluster is asked
        asyncio.run(starting.show(run, looked))
    finally:
        lang.begin([], {})
    assert begun == [(language, "light")]
