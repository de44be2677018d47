"""Options of the live dashboard."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import path

#: Those of `tui/themes.py`, which is not imported for it.
THEMES = ("dark", "light", "ansi-dark", "ansi-light")


def _theme(text: str) -> str:
    if text not in THEMES:
        raise ValueError(f"invalid theme '{text}': expected {', '.join(THEMES)}")
    return text


ScreenAddress = Annotated[str, Opt("SCREEN", help="where to begin, as :groups or :group/NAME")]
MayWrite = Annotated[bool, Opt("--write", help="allow changes, each planned and confirmed; without it nothing changes")]
ThemeName = Annotated[
    str, Opt("--theme", help=f"{', '.join(THEMES)} (default: what fits the terminal)", parse=_theme, metavar="THEME")
]
RecordFile = Annotated[
    str, Opt("--record", help="also write what is seen to this file, for --replay", parse=path, metavar="FILE")
]
ReplayFile = Annotated[
    str,
    Opt(
        "--replay", help="show a recorded session or a prober's history, and ask no cluster", parse=path, metavar="FILE"
    ),
]
StoreOffline = Annotated[
    str, Opt("--store", help="open a broker's store directory, and ask no cluster", parse=path, metavar="DIR")
]
ServeAt = Annotated[
    str, Opt("--serve", help="serve it to browsers at this address, a session for each visitor", metavar="HOST:PORT")
]
CertificateFile = Annotated[
    str,
    Opt("--certificate", help="serve with TLS, by this PEM file of certificates and key", parse=path, metavar="FILE"),
]
