"""What the dashboard needs of the program that starts it: the language of the reader."""

from __future__ import annotations

from typing import Protocol


class Language(Protocol):
    """The language of the reader, which can be switched while the dashboard runs."""

    @property
    def name(self) -> str:
        """`en` or `zh`."""
        ...

    def tr(self, text: str) -> str:
        """A sentence of ours in the language of the reader."""
        ...

    def tr_word(self, word: str) -> str:
        """A word or heading of ours, which is a key of the catalogue itself."""
        ...

    def switch(self) -> None:
        """Turn to the next language."""
        ...
