"""What every screen of the dashboard stands on: the model, the language, the catalogue of screens, the options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.tui.appearance import KeptAppearance
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.keys_first import KeysFirst
from rocketmq_ops.tui.saved import SavedViews
from rocketmq_ops.tui.sending import Sending

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.tui.catalogue import Catalogue
    from rocketmq_ops.tui.changes import Changer
    from rocketmq_ops.tui.model.model import Model
    from rocketmq_ops.tui.ports import Language


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the dashboard was started."""

    #: Where it begins.
    address: Address = Address("overview")
    #: Whether it may change things.
    write: bool = False
    #: A name of `themes.py`; empty: the one that was chosen last, else the one that fits the terminal.
    theme: str = ""
    #: Whether it looks by itself, several times a second, for what is new; tests do it by hand.
    follows: bool = True
    #: What it is about, as the first line says it.
    title: str = ""


class Context:
    """Handed to each screen. `admin` and `changer` are None where there is no cluster: in a replay, for a store's
    directory."""

    def __init__(
        self,
        model: Model,
        language: Language,
        catalogue: Catalogue,
        options: Options,
        *,
        admin: MQAdmin | None = None,
        saved: SavedViews | None = None,
        changer: Changer | None = None,
        keys: KeysFirst | None = None,
        appearance: KeptAppearance | None = None,
    ) -> None:
        """`keys` is told of each key, and is that of the model."""
        self.model = model
        self.language = language
        self.catalogue = catalogue
        self.options = options
        self.admin = admin
        self.saved = saved or SavedViews(None)
        self.changer = changer
        self.sending = Sending()
        #: What is to be said once the dashboard has been left, in English.
        self.parting: list[str] = []
        self.keys = keys or KeysFirst()
        self.appearance = appearance or KeptAppearance(None)

    def tr(self, text: str) -> str:
        """A sentence in the language of the reader."""
        return self.language.tr(text)

    def word(self, word: str) -> str:
        """A word or heading in the language of the reader."""
        return self.language.tr_word(word)
