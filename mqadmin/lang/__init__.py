"""The language of what people read: English, as the source has it, or Chinese out of the catalogue in `zh/`.

Texts are written in English everywhere and translated where they are printed. Documents for programs,
exit codes, the journal and logs stay English. In English nothing is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

TYPE_CHECKING = False  # type checkers take it as true; every command line imports this
if TYPE_CHECKING:
    from rocketmq_ops.mqadmin.lang.catalogue import Catalogue

LANGUAGES = ("en", "zh")
#: Goes before the locale.
SWITCH = "ROCKETMQ_OPS_LANG"
_LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")
#: Stands in the encodings of simplified Chinese, and in no other but Unicode's.
_PROBE = "这"

_catalogue: Catalogue | None = None
#: Whether results are translated too, and whether the language was asked for by name.
_results = False
_asked = False


def begin(argv: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Set the language for a command line, and return its words without a `--lang` that stands before the command.

    One behind the command is an option of it, which its parser checks. Raises ValueError for a language that is none
    of LANGUAGES, before the command or in the environment.
    """
    global _results, _asked
    words = list(argv)
    before = ""
    while words and words[0].partition("=")[0] == "--lang":
        name, sign, value = words.pop(0).partition("=")
        if not sign:
            value = words.pop(0) if words else ""
        before = _known(value, name)
        if not before:
            raise ValueError(f"{name} has no value: expected {' or '.join(LANGUAGES)}")
    asked = _behind(words) or before or _known(environment.get(SWITCH, ""), SWITCH)
    _asked = bool(asked)
    _results = _asked or (sys.stdout is not None and sys.stdout.isatty())
    speak(asked or _of_locale(environment))
    return words


def speak(chosen: str) -> None:
    """Turn to one of LANGUAGES; to English where the terminal cannot show the other."""
    global _catalogue
    if chosen == "en" or not all(map(_can_show, (sys.stdout, sys.stderr))):
        _catalogue = None
    elif _catalogue is None:
        from rocketmq_ops.mqadmin.lang.catalogue import chinese

        _catalogue = chinese()


def without(words: Sequence[str]) -> list[str]:
    """The words without `--lang`, for pages that no parser reads them for. Raises ValueError for another language."""
    rest, left = [], list(words)
    while left:
        name, sign, value = left.pop(0).partition("=")
        if name == "--lang":
            _known(value if sign else left.pop(0) if left else "", name)
        else:
            rest.append(name + sign + value)
    return rest


def language() -> str:
    """The one of LANGUAGES that is spoken."""
    return "en" if _catalogue is None else "zh"


def asked_for() -> bool:
    """Whether it was asked for by name, with `--lang` or in the environment."""
    return _asked


def tr(text: str) -> str:
    """A message in the language of the reader: causes, next steps, notes, questions, help."""
    return text if _catalogue is None else _catalogue.message(text)


def tr_word(word: str) -> str:
    """A text of ours that is a key itself: a word, help."""
    return word if _catalogue is None else _catalogue.word(word)


def tr_heading(word: str) -> str:
    """A heading of a table, or a word of ours in one."""
    return tr_word(word) if _results else word


def tr_result(text: str) -> str:
    """A line of a result, which may hold what users stored: translated as a whole or not at all.

    Results go into a pipe or a file in English, unless Chinese was asked for by name: the locale of a machine must not
    change what a script reads.
    """
    return _catalogue.line(text) if _catalogue is not None and _results else text


def tr_message(text: str) -> str:
    """A text of ours in a result, such as what a finding says: as a message; English where results stay so."""
    return tr(text) if _results else text


def _behind(words: Sequence[str]) -> str | None:
    """What `--lang` gives among the command's own options; None where it is missing or wrong."""
    for at, word in enumerate(words):
        name, sign, value = word.partition("=")
        if name == "--lang":
            value = value if sign else "".join(words[at + 1 : at + 2])
            return value.lower() if value.lower() in LANGUAGES else None
    return None


def _of_locale(environment: Mapping[str, str]) -> str:
    locale = next((value for name in _LOCALE if (value := environment.get(name))), "")
    return "zh" if locale[:2].lower() == "zh" else "en"


def _known(value: str, where: str) -> str:
    """The language that is meant; none by an empty value. Raises ValueError for one that is none of LANGUAGES."""
    if value and value.lower() not in LANGUAGES:
        raise ValueError(f"invalid {where} '{value}': expected {' or '.join(LANGUAGES)}")
    return value.lower()


def _can_show(stream: object) -> bool:
    """Whether a stream's encoding has Chinese; one that is closed or has none takes any text."""
    try:
        _PROBE.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
