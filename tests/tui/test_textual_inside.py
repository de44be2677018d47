"""What the dashboard uses of Textual's inside: this list, and nothing else. A version without one of them fails here."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.widget import Widget

TUI: Final = Path(__file__).parents[2] / "tui"
#: The version in which all of them were seen last.
SEEN: Final = "8.2.8"
#: Private names of its classes, by the files that use or override them, and why no public one does.
NAMES: Final = {
    ("app.py", "_refresh_notifications"): "a place for notices comes with the first one",
    ("app.py", "_notifications"): "whether there is any",
    ("app.py", "_disable_notifications"): "as Textual looks at it",
    ("app.py", "_screen_stack"): "there may be no screen yet, for which the public one raises",
    ("app.py", "_handle_exception"): "a failure is said by the command that has started it",
    ("app.py", "_exit_renderables"): "and not by Textual as well",
    ("screens/base.py", "_extend_compose"): "a screen has no tips",
    ("screens/base.py", "_on_timer_update"): "what a key has changed is drawn without waiting for a beat",
    ("typed.py", "_parent"): "the way that an event goes up",
    ("widgets/drawn.py", "_set_dirty"): "there is no frame to be drawn anew",
    ("widgets/drawn.py", "_styles_cache"): "and none of its lines is kept",
    ("widgets/quick_scroll.py", "_start_widget"): "a bar of its own is started as Textual starts its own",
    ("widgets/quick_scroll.py", "_vertical_scrollbar"): "it stands in its place",
    ("widgets/heard.py", "_get_dispatch_methods"): "they are found once for a class",
    ("widgets/heard.py", "_no_default_action"): "as Textual looks at it",
    ("widgets/kept_styles.py", "_selector_names"): "which rules may be about a widget",
    ("widgets/kept_styles.py", "_EXCLUDE_PSEUDO_CLASSES_FROM_CACHE"): "of which states Textual keeps nothing",
    ("widgets/kept_styles.py", "_process_component_classes"): "what it does behind the rules",
    ("widgets/kept_styles.py", "_has_hover_style"): "what it notes of them",
    ("widgets/kept_styles.py", "_has_focus_within"): "and this",
    ("widgets/kept_styles.py", "_has_order_style"): "and this",
    ("widgets/kept_styles.py", "_has_odd_or_even"): "and this",
    ("widgets/typing_line.py", "_inherit_component_classes"): "an argument of subclasses that those of widgets lack",
}
#: Private modules, with what is taken of them.
MODULES: Final = {
    ("memory.py", "textual._styles_cache", "StylesCache"),
    ("screens/base.py", "textual.widgets._toast", "ToastRack"),
    ("terminal.py", "textual.drivers._writer_thread", "WriterThread"),
}
CLASSES: Final = (App, Screen, Widget, ScrollView, DOMNode, MessagePump, Message, Stylesheet)


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def imported() -> Iterator[tuple[str, str, str]]:
    for path, tree in trees():
        for node in ast.walk(tree):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.partition(".")[0] == "textual":
                for each in node.names:  # type: ignore[attr-defined]
                    if any(map(private, [*module.split("."), each.name])):
                        yield path, module, each.name


def named() -> set[tuple[str, str]]:
    """Private names that Textual's classes have, where ours use them, or have them too."""
    theirs = {name for each in CLASSES for name in vars(each) if private(name)}
    found = set()
    for path, tree in trees():
        for node in ast.walk(tree):
            name = node.attr if isinstance(node, ast.Attribute) else ""
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = node.name
            if name in theirs:
                found.add((path, name))
    return found


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(TUI.rglob("*.py")):
        if not path.is_relative_to(TUI / "model"):
            yield path.relative_to(TUI).as_posix(), ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize("name", sorted({name for _, name in NAMES}))
def test_textual_still_has_it(name: str) -> None:
    made: tuple[object, ...] = App(), Widget(), Message()
    has = any(name in vars(each) for each in CLASSES) or any(hasattr(each, name) for each in made)
    assert has, f"Textual {SEEN} had {name}: {[why for (_, each), why in NAMES.items() if each == name]}"


@pytest.mark.parametrize(("module", "name"), sorted({(module, name) for _, module, name in MODULES}))
def test_its_private_modules_have_what_is_taken_of_them(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name), f"Textual {SEEN} had {name} in {module}"


def test_nothing_else_of_its_inside_is_used() -> None:
    assert set(imported()) == MODULES
    of_classes = {(path, name) for path, name in NAMES if any(name in vars(each) for each in CLASSES)}
    assert named() == of_classes
