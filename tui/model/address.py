"""Where a screen is: `:group/orders-consumer`, `:messages/orders?key=42`. What is typed, shown, saved and passed on."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from rocketmq_ops.common.errors import RocketMQError

#: One option of several; in texts within a condition `&` is a character like others.
_OPTION: Final = re.compile(r"where=(?:'[^']*'|[^&])*|[^&]+")
#: A value as an address has it.
_ESCAPED: Final = re.compile(r"(?:[\w.~:/@-]|[^\x00-\x7f]|%[0-9A-Fa-f]{2})*")


class AddressError(RocketMQError):
    """What was given is no address of a screen."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """A screen and what it shows: `screen` is a name of the catalogue of screens, `name` what it is about."""

    screen: str
    name: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        text = f":{self.screen}"
        if self.name:
            text += f"/{_plain(self.name)}"
        if self.options:
            text += "?" + "&".join(_pair(quote(key), _quoted(value, ":/@")) for key, value in self.options)
        return text

    @property
    def readable(self) -> str:
        """As people read it, and type it, where that is read as the same; else as `str` has it."""
        options = "&".join(_pair(key, value) for key, value in self.options)
        plain = f"{msgspec.structs.replace(self, options=())}?{options}"
        return plain if self.options and options.isprintable() and parse(plain) == self else str(self)

    @property
    def crumb(self) -> str:
        """As the path to a screen has it, without a colon: a folder without a double slash, and of a message its place
        alone where that is known."""
        options = dict(self.options)
        place = [options.pop(key, "") for key in ("broker", "queue", "offset")]
        if self.screen == "message" and all(place):
            options.pop("id", None)
            about = msgspec.structs.replace(self, options=tuple(options.items()))
            where, mark, rest = about.crumb.partition("?")
            return f"{where} {place[0]}:{place[1]} @ {place[2]}{mark}{rest}"
        return self.readable.removeprefix(":").replace("//", " /", 1 if self.name.startswith("/") else 0)

    @property
    def bare(self) -> Address:
        """What it is about, without its options."""
        return Address(self.screen, self.name)

    def option(self, key: str) -> str | None:
        """An option's value."""
        return dict(self.options).get(key)


def _plain(name: str) -> str:
    """A name as it is typed: the `%` of `%RETRY%` stays, one that could be taken for an escape does not."""
    return re.sub(r"[^%]+|%(?=[0-9A-Fa-f]{2})", lambda part: _quoted(part[0], "/@:$.-_#"), name)


def _pair(key: str, value: str) -> str:
    """An option; one that says nothing more is its name alone, as in `:topics?all`."""
    return f"{key}={value}" if value else key


def _quoted(text: str, safe: str) -> str:
    """The text with escapes for what an address has no room for; Chinese stays as people read it."""
    return "".join(
        char if char.isprintable() and not char.isascii() else quote(char, safe=safe, errors="surrogatepass")
        for char in text
    )


def parse(text: str) -> Address:
    """Read an address, with or without its colon; names have no blanks but as `%20`. Raises AddressError."""
    body = text.strip().removeprefix(":")
    where, _, query = body.partition("?")
    screen, _, name = where.partition("/")
    if not screen or not screen.replace("-", "").isalnum():
        raise AddressError(f"invalid address '{text}': expected :screen or :screen/name", "give one as :group/NAME")
    return Address(screen.lower(), unquote(name), tuple(_option(each) for each in _OPTION.findall(query)))


def _option(text: str) -> tuple[str, str]:
    """An option. A value as an address has it is read as such; one with anything that an address would have escaped was
    typed, and is meant as it stands: `where=name ~ '^a+%20'`."""
    key, _, value = text.partition("=")
    return unquote(key), unquote(value) if _ESCAPED.fullmatch(value) else value
