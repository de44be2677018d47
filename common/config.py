"""Typed configuration classes whose attributes are exactly Apache's configuration keys.

Here: the base class `ConfigClass` (conversion, validation, diffs, aliases, nearest match) and the application of one
property file to several classes. The classes themselves live beside what they configure (`broker/config.py`,
`store/config.py`, `namesrv/config.py`, `remoting/config.py`); the text format is in `properties.py`.

A field annotated `Annotated[type, Used("...")]` takes effect in this product; a field without is accepted, shown and
kept so that property files written for Apache's broker load unchanged. Mirrors MixAll.properties2Object and
MixAll.object2Properties, except that what Apache ignores silently is reported.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from .errors import RocketMQError
from .properties import read_properties_file

_INT_RANGE = (-(2**31), 2**31 - 1)
_LONG_RANGE = (-(2**63), 2**63 - 1)


class Used:
    """Marks a key that takes effect here. `doc` says what it does, with its unit.

    `because` is the reason where the default differs from Apache's; `low` and `high` bound a number.
    """

    __slots__ = ("because", "doc", "high", "low")

    def __init__(self, doc: str, *, because: str = "", low: int | None = None, high: int | None = None) -> None:
        self.doc = doc
        self.because = because
        self.low = low
        self.high = high


class Bits:
    """The width of a Java integer."""

    __slots__ = ("width",)

    def __init__(self, width: int) -> None:
        self.width = width


Long = Annotated[int, Bits(64)]
"""A Java long; a plain `int` field is a Java int of 32 bits."""


class ConfigError(RocketMQError):
    """A configuration that cannot be used."""


class UnknownKeyError(ConfigError):
    """A key that no configuration class has; `nearest` is the most similar known key, or None."""

    def __init__(self, key: str, nearest: str | None) -> None:
        self.key = key
        self.nearest = nearest
        hint = f"did you mean '{nearest}'?" if nearest else "compare it with docs/configuration.md"
        super().__init__(f"unknown configuration key '{key}'", hint)


class ConfigValueError(ConfigError):
    """A value that does not fit its key; names the key, the value and what is expected."""

    def __init__(self, key: str, value: str, expected: str) -> None:
        self.key = key
        self.value = value
        self.expected = expected
        super().__init__(f"configuration key '{key}' cannot be '{value}'", f"give it {expected}")


class KeyInfo:
    """What the declaration of one key says: type, bounds, whether it takes effect."""

    __slots__ = ("bits", "choices", "kind", "name", "optional", "used")

    def __init__(self, name: str, annotation: Any) -> None:
        self.name = name
        self.used: Used | None = None
        self.bits = 32
        self.choices: tuple[str, ...] = ()
        self.optional = False
        if get_origin(annotation) is Annotated:
            annotation, *marks = get_args(annotation)
            for mark in marks:
                if isinstance(mark, Used):
                    self.used = mark
                elif isinstance(mark, Bits):
                    self.bits = mark.width
        if get_origin(annotation) is Literal:
            self.choices = tuple(get_args(annotation))
            annotation = str
        elif type(None) in get_args(annotation):
            self.optional = True
            annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
        self.kind: type = annotation

    @property
    def java_type(self) -> str:
        """The name of the type as Apache declares it; of an enumeration its values."""
        if self.choices:
            return "|".join(self.choices)
        return {int: "long" if self.bits == 64 else "int", bool: "boolean", float: "double"}.get(self.kind, "String")

    def convert(self, text: str) -> Any:
        """The typed value of `text`. Raises ConfigValueError."""
        text = text.strip()
        if self.kind is bool:
            if text.lower() in ("true", "false"):
                return text.lower() == "true"
            raise ConfigValueError(self.name, text, "true or false")
        if self.kind is int:
            return self._integer(text)
        if self.kind is float:
            try:
                return float(text)
            except ValueError:
                raise ConfigValueError(self.name, text, "a decimal number") from None
        if self.choices and text not in self.choices:
            raise ConfigValueError(self.name, text, "one of " + ", ".join(self.choices))
        return text

    def _integer(self, text: str) -> int:
        low, high = _LONG_RANGE if self.bits == 64 else _INT_RANGE
        bounded = self.used is not None and (self.used.low is not None or self.used.high is not None)
        if self.used is not None:
            low = low if self.used.low is None else self.used.low
            high = high if self.used.high is None else self.used.high
        digits = text[1:] if text[:1] in ("-", "+") else text
        if digits.isascii() and digits.isdigit() and len(digits) < 40 and low <= int(text) <= high:
            return int(text)
        kind = f"a whole number of {self.bits} bits"
        raise ConfigValueError(self.name, text, f"a whole number from {low} to {high}" if bounded else kind)


def value_text(value: Any) -> str:
    """A value as Java prints it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class ConfigClass(msgspec.Struct, kw_only=True):
    """Base of the configuration classes; a subclass declares its keys as fields and nothing else."""

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Every key, in the order of the declaration."""
        return cls.__struct_fields__

    @classmethod
    def find_key(cls, key: str) -> str | None:
        """The declared name of `key` (itself, an old `maped...` spelling, or with a setter's `is` left out)."""
        known = cls.__struct_fields__
        if key in known:
            return key
        for other in _spellings(key):
            if other in known:
                return other
        return None

    @classmethod
    def key_info(cls, key: str) -> KeyInfo:
        """The declaration of a known key."""
        if key not in cls.__struct_fields__:
            raise UnknownKeyError(key, nearest_key(key, cls.__struct_fields__))
        # Annotations are text, evaluated when asked for: a start pays only for the keys its property file sets.
        return KeyInfo(key, eval(cls.__annotations__[key], vars(sys.modules[cls.__module__])))

    def set(self, key: str, text: str) -> bool:
        """Convert, validate and assign; True when the value changed. Raises UnknownKeyError, ConfigValueError."""
        name = self.find_key(key)
        if name is None:
            raise UnknownKeyError(key, nearest_key(key, self.__struct_fields__))
        value = self.key_info(name).convert(text)
        changed = bool(getattr(self, name) != value)
        setattr(self, name, value)
        return changed

    def to_properties(self) -> dict[str, str]:
        """Every key with its value as text; a key that is null is left out, as in object2Properties."""
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return {name: value_text(value) for name, value in values if value is not None}

    def diff(self, other: ConfigClass | None = None) -> dict[str, tuple[str | None, str | None]]:
        """Keys whose value differs from `other`'s (the defaults when None): key -> (other's, ours)."""
        theirs = (type(self)() if other is None else other).to_properties()
        ours = self.to_properties()
        return {
            key: (theirs.get(key), ours.get(key)) for key in self.__struct_fields__ if theirs.get(key) != ours.get(key)
        }


def _spellings(key: str) -> Iterable[str]:
    for old, new in (("maped", "mapped"), ("Maped", "Mapped")):
        yield key.replace(old, new)
        yield key.replace(new, old)
    # Java derives the property name from the setter: setInBrokerContainer sets the field isInBrokerContainer.
    yield "is" + key[:1].upper() + key[1:]
    if key.startswith("is") and key[2:3].isupper():
        yield key[2].lower() + key[3:]


def nearest_key(key: str, known: Iterable[str]) -> str | None:
    """The known key most similar to `key`, or None when none is similar."""
    import difflib  # only for a message: not loaded in a start without mistakes

    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(key.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


class ApplyReport(msgspec.Struct):
    """What became of a property file's keys."""

    unknown: list[UnknownKeyError] = []
    without_effect: list[str] = []
    extra: dict[str, str] = {}
    """Key and value of everything that no class has; shown with the running configuration."""

    def warnings(self) -> list[str]:
        """One line for each thing the reader should know."""
        lines = [f"{error}: {error.next_step} (ignored)" for error in self.unknown]
        if self.without_effect:
            lines.append("kept but without effect in this product: " + ", ".join(self.without_effect))
        return lines


# Keys of Apache's property files that belong to classes this product has no counterpart of: they are not typing
# errors, but whoever sets them must know that nothing happens (an access control that is not there, above all).
# fmt: off
_FOREIGN_PREFIXES = (
    "authenti", "authoriz", "initAuthenti", "innerClientAuth", "migrateAuth", "userCache", "aclCache", "stateful",
    "controller", "jRaft", "tiered", "objectStore", "readAhead", "commitLogRolling", "rmqAddressServer", "proxy",
)
# fmt: on


def apply_properties(properties: Mapping[str, str], configs: Sequence[ConfigClass]) -> ApplyReport:
    """Set every key in each class that has it, as Apache feeds one file to all its classes.

    Unknown keys and keys without effect here are reported, not refused. Raises ConfigValueError.
    """
    report = ApplyReport()
    known = [key for config in configs for key in config.__struct_fields__]
    for key, text in properties.items():
        used = found = False
        changed = False
        for config in configs:
            name = config.find_key(key)
            if name is not None:
                found = True
                changed |= config.set(name, text)
                used |= config.key_info(name).used is not None
        if not found:
            report.extra[key] = text
        if not found and key.startswith(_FOREIGN_PREFIXES):
            report.without_effect.append(key)
        elif not found:
            report.unknown.append(UnknownKeyError(key, nearest_key(key, known)))
        elif changed and not used:
            report.without_effect.append(key)
    return report


def load_config_file(path: str, configs: Sequence[ConfigClass]) -> ApplyReport:
    """Read a property file and apply it. Raises ConfigError naming the file."""
    try:
        return apply_properties(read_properties_file(path), configs)
    except ConfigValueError as error:
        raise ConfigError(f"{path}: {error}", error.next_step) from None


def local_address() -> str:
    """The address of this machine that others reach it by; 127.0.0.1 when it has no network.

    Serves the purpose of NetworkUtil.getLocalAddress: the source address of the default route. Nothing is sent.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            pass
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def host_name(fallback: str = "DEFAULT_BROKER") -> str:
    """The host name, which is a broker's name by default (BrokerIdentity.defaultBrokerName)."""
    return socket.gethostname() or fallback


def home_path(*parts: str) -> str:
    """A path under the home directory of the user."""
    return os.path.join(os.path.expanduser("~"), *parts)


def environment(name: str) -> str | None:
    """An environment variable, None when it is unset or empty."""
    return os.environ.get(name) or None
