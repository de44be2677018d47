"""Which pictures there are: every screen at each size, in each theme, language and state, as few as that takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rocketmq_ops.tui.places import DETAILS

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)


class Picture(NamedTuple):
    """How a screen is drawn: the state of the cluster, cells, theme, language; which of its parts ("": it has none)."""

    state: str
    size: tuple[int, int]
    theme: str
    lang: str
    part: str = ""

    @property
    def title(self) -> str:
        """What it is called among the pictures of its screen."""
        width, height = self.size
        return " ".join(filter(None, (self.part, self.state, f"{width}x{height}", self.theme, self.lang)))


#: What a screen, or the first of its parts, is drawn with.
WHOLE: Final = (
    Picture("usual", SMALL, "dark", "en"),
    Picture("usual", SMALL, "dark", "zh"),
    Picture("usual", MIDDLE, "light", "en"),
    Picture("usual", LARGE, "light", "zh"),
    Picture("empty", SMALL, "light", "zh"),
    Picture("failed", SMALL, "ansi-dark", "en"),
    Picture("failed", MIDDLE, "ansi-dark", "zh"),
    Picture("huge", SMALL, "ansi-light", "en"),
    Picture("huge", LARGE, "ansi-light", "zh"),
)
#: What each further part is drawn with.
FURTHER: Final = (
    Picture("usual", SMALL, "dark", "en"),
    Picture("usual", MIDDLE, "light", "zh"),
    Picture("empty", SMALL, "light", "en"),
    Picture("failed", SMALL, "ansi-dark", "en"),
    Picture("huge", SMALL, "ansi-light", "zh"),
    Picture("huge", LARGE, "ansi-light", "en"),
)
#: What parts of screens of one thing, of which servers tell, are drawn with besides: the first one with all of it.
KEPT: Final = (
    Picture("silent", SMALL, "dark", "en"),
    Picture("partly", SMALL, "light", "zh"),
    Picture("silent", MIDDLE, "light", "zh"),
    Picture("partly", MIDDLE, "dark", "en"),
)
KEPT_FURTHER: Final = KEPT[:2]
#: What a dialog over a screen is drawn with.
OVER: Final = (
    Picture("usual", SMALL, "dark", "en"),
    Picture("usual", SMALL, "dark", "zh"),
    Picture("usual", MIDDLE, "light", "zh"),
    Picture("usual", LARGE, "light", "en"),
    Picture("usual", SMALL, "ansi-dark", "en"),
    Picture("usual", SMALL, "ansi-light", "zh"),
)
#: Screen -> its parts, for those that have any.
PARTS: Final[dict[str, Sequence[str]]] = {place.name: place.taken.parts for place in DETAILS}
#: Those of which brokers and name servers tell again and again.
TOLD: Final = {"group", "topic", "client", "broker", "name-server"}
#: Dialog, or another way in which a screen is looked at -> the screen, and the keys that open it.
DIALOGS: Final[dict[str, tuple[str, Sequence[str]]]] = {
    "help": ("groups", ("question_mark",)),
    "palette": ("groups", ("ctrl+p",)),
    "command": ("groups", ("colon", "b")),
    "saving": ("groups", ("v", "a")),
    "paused": ("groups", ("left_curly_bracket",)),
    "compared": ("groups", ("c",)),
    "filtered": ("groups", ("slash", *"0001", "enter", "space", "3")),
    "past": ("group", ("left_curly_bracket",)),
    **{
        f"past-{screen}": (screen, ("left_curly_bracket",))
        for screen in (
            "overview",
            "topics",
            "topic",
            "clients",
            "client",
            "brokers",
            "broker",
            "nameservers",
            "alarms",
            "events",
        )
    },
    "row": ("doctor", ("enter",)),
    "change-menu": ("topic", ("x",)),
    "change-plan": ("topic", ("x", "down", "enter")),
    "change-typed": ("broker", ("x", "down", "enter", "enter")),
    "change-made": ("topic", ("x", "down", "enter", *"yes", "enter")),
}
SIZES: Final = {SMALL, MIDDLE, LARGE}
THEMES: Final = {"dark", "light", "ansi-dark", "ansi-light"}
LANGUAGES: Final = {"en", "zh"}
STATES: Final = {"usual", "empty", "failed", "huge"}
#: It was told as usual, and half a minute later nobody answers, or all but one broker.
KEPT_STATES: Final = {"silent", "partly"}
#: (screen, state) -> why there is no such thing.
NEVER: Final = {
    ("record", "empty"): "a record has fields",
}


def pictures(screen: str) -> list[Picture]:
    """The pictures of a screen of the catalogue, in the order in which least changes from one to the next."""
    parts = PARTS.get(screen, ("",))
    found = [each._replace(part=parts[0]) for each in WHOLE]
    found += [each._replace(part=part) for part in parts[1:] for each in FURTHER]
    if screen in TOLD:
        found += [each._replace(part=part) for part in parts for each in (KEPT_FURTHER if part != parts[0] else KEPT)]
    found = [each for each in found if (screen, each.state) not in NEVER]
    order = ("empty", "usual", "failed", "huge", "silent", "partly")  # by which each theme is turned to once
    themes = ("light", "dark", "ansi-dark", "ansi-light")
    return sorted(found, key=lambda e: (order.index(e.state), themes.index(e.theme), e.size, e.lang))
