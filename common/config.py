"""Typed configuration classes whose attributes are exactly Apache's configuration keys.

Here: the base class `ConfigClass` (conversion, validation, diffs, nearest match) and the application of one property
file to several classes. The classes themselves live beside what they configure (`broker/config.py`, `store/config.py`,
`namesrv/config.py`, `remoting/config.py`); the text format is in `properties.py`, what is known about keys that no
class has in `foreign_keys.py`.

A field annotated `Annotated[type, Used("...")]` takes effect in this product; a field without is accepted, shown and
kept so that property files written for Apache's broker load unchanged; one with `Refused(...)` is refused where its
value asks for something that would silently be missing. Mirrors MixAll.properties2Object and
MixAll.object2Properties, except that what Apache ignores silently is reported: a number, boolean or enumeration that
Java cannot parse, blanks behind it included, is an error and not the default.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.common.shipped import shipped_path

if TYPE_CHECKING:
    from rocketmq_ops.common.properties import Property  # a client has a configuration, and reads no file

_INT_RANGE = (-(2**31), 2**31 - 1)
_LONG_RANGE = (-(2**63), 2**63 - 1)


class Used:
    """Marks a key that takes effect here. `doc` says what it does, with its unit.

    `because` is the reason where the default differs from Apache's; `low` and `high` bound a number, `form` a text.
    """

    __slots__ = ("because", "doc", "form", "high", "low")

    def __init__(
        self,
        doc: str,
        *,
        because: str = "",
        low: int | None = None,
        high: int | None = None,
        form: Form | None = None,
    ) -> None:
        self.doc = doc
        self.because = because
        self.low = low
        self.high = high
        self.form = form


class Form:
    """What a text must look like: `fits` checks it, `expected` describes it (behind "give it")."""

    __slots__ = ("expected", "fits")

    def __init__(self, expected: str, fits: Callable[[str], object]) -> None:
        self.expected = expected
        self.fits = fits


#: A name that Apache's servers would take as the empty text.
NOT_EMPTY = Form("a value, or remove it", bool)
#: A path. Java's servers take `~` and an empty path literally: a folder called `~`, the root of the file system.
PATH = Form("a path written out in full", lambda text: text and not text.startswith("~"))


class Refused:
    """Marks a key that is refused `when` its value asks for what is not there and must not silently be missing."""

    __slots__ = ("because", "instead", "when")

    def __init__(self, because: str, instead: str, when: Callable[[Any], object] = bool) -> None:
        self.because = because
        self.instead = instead
        self.when = when


class Bits:
    """The width of a Java integer."""

    __slots__ = ("width",)

    def __init__(self, width: int) -> None:
        self.width = width


#: A Java long; a plain `int` field is a Java int of 32 bits.
Long = Annotated[int, Bits(64)]


_BLANKS = "".join(map(chr, range(ord(" ") + 1)))


def trim(text: str) -> str:
    """`text` without what Java's String.trim takes for blanks at its ends: no other white space than ASCII's."""
    return text.strip(_BLANKS)


class ConfigError(RocketMQError):
    """A configuration that cannot be used."""


class UnknownKeyError(ConfigError):
    """A key that no configuration class has; `nearest` is the most similar of `known`, or None.

    The next step is what is known about the key (`foreign_keys.py`), else the nearest one, else what has all keys: a
    page on this machine, or `page` for who reads it elsewhere.
    """

    def __init__(self, key: str, known: Iterable[str], page: str | None = None) -> None:
        from rocketmq_ops.common.foreign_keys import explanation

        known = list(known)
        self.key = key
        self.nearest = nearest_name(key, known)
        why = explanation(key, known)
        if why is not None:
            super().__init__(f"configuration key '{key}' does not exist", why)
            return
        page = page or shipped_path("docs/configuration.md")
        hint = f"did you mean '{self.nearest}'?" if self.nearest else f"{page} has all"
        super().__init__(f"unknown configuration key '{key}'", hint)


class ConfigValueError(ConfigError):
    """A value that does not fit its key; names the key, the value and what is expected."""

    def __init__(self, key: str, value: str, expected: str) -> None:
        self.key = key
        self.value = value
        self.expected = expected
        super().__init__(f"configuration key '{key}' cannot be '{value}'", f"give it {expected}")


class RefusedValueError(ConfigError):
    """A value that asks for what this product does not have, where to do without in silence would be dangerous."""

    def __init__(self, key: str, value: str, refused: Refused) -> None:
        self.key = key
        super().__init__(f"{key}={trim(value)} is refused: {refused.because}", refused.instead)


class ConfigFileError(ConfigError):
    """Everything that is wrong in one file, in the order of its lines."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = tuple(errors)
        last = errors[-1]
        before = "".join(f"{error} ({error.next_step}); " for error in errors[:-1])
        super().__init__(f"{before}{last}", last.next_step)


class KeyInfo:
    """What the declaration of one key says: type, bounds, whether it takes effect."""

    __slots__ = ("bits", "choices", "kind", "name", "refused", "used")

    def __init__(self, name: str, annotation: Any) -> None:
        self.name = name
        self.used: Used | None = None
        self.refused: Refused | None = None
        self.bits = 32
        self.choices: tuple[str, ...] = ()
        if get_origin(annotation) is Annotated:
            annotation, *marks = get_args(annotation)
            for mark in marks:
                if isinstance(mark, Used):
                    self.used = mark
                elif isinstance(mark, Refused):
                    self.refused = mark
                elif isinstance(mark, Bits):
                    self.bits = mark.width
        if type(None) in get_args(annotation):
            annotation = next(kind for kind in get_args(annotation) if kind is not type(None))
        if get_origin(annotation) is Literal:
            self.choices = tuple(get_args(annotation))
            annotation = str
        self.kind: type = annotation

    @property
    def java_type(self) -> str:
        """The name of the type as Apache declares it; of an enumeration its values."""
        if self.choices:
            return "|".join(self.choices)
        return {int: "long" if self.bits == 64 else "int", bool: "boolean", float: "double"}.get(self.kind, "String")

    def convert(self, text: str) -> Any:
        """The typed value of `text`. Raises ConfigValueError, RefusedValueError.

        Blanks around a text are dropped as by Apache 5; around anything else they are an error, for which Java's
        servers silently take the default (false, where a boolean is expected).
        """
        value = self._typed(text)
        if self.refused is not None and self.refused.when(value):
            raise RefusedValueError(self.name, text, self.refused)
        return value

    def _typed(self, text: str) -> Any:
        if self.java_type != "String" and text != trim(text):
            raise ConfigValueError(
                self.name,
                text,
                "the value without the blanks around it: with them Apache's servers take the default, or false",
            )
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
        return self._text(trim(text))

    def _text(self, text: str) -> str:
        if self.used is not None:
            if "${" in text:
                expected = "the value written out: ${...} is not replaced, neither here nor by Apache's servers"
                raise ConfigValueError(self.name, text, expected)
            if self.used.form is not None and not self.used.form.fits(text):
                raise ConfigValueError(self.name, text, self.used.form.expected)
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
    """Base of the configuration classes; a subclass declares its keys as fields and nothing else.

    A key that is no Python name has a field of another name, which msgspec's `rename` gives the key.
    """

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Every key, in the order of the declaration."""
        return cls.__struct_encode_fields__

    @classmethod
    def find_key(cls, key: str) -> str | None:
        """The declared name of `key`: itself, or with the `is` that a Java setter leaves out of it."""
        known = cls.__struct_encode_fields__
        if key in known:
            return key
        for other in _spellings(key):
            if other in known:
                return other
        return None

    @classmethod
    def key_info(cls, key: str) -> KeyInfo:
        """The declaration of a known key."""
        # Annotations are text, evaluated when asked for: a start pays only for the keys its property file sets.
        return KeyInfo(key, eval(cls.__annotations__[cls._field(key)], vars(sys.modules[cls.__module__])))

    @classmethod
    def _field(cls, key: str) -> str:
        """The field of a declared key. Raises UnknownKeyError."""
        try:
            return cls.__struct_fields__[cls.__struct_encode_fields__.index(key)]
        except ValueError:
            raise UnknownKeyError(key, cls.__struct_encode_fields__) from None

    def value(self, key: str) -> Any:
        """The value of a declared key; None where it has none. Raises UnknownKeyError."""
        return getattr(self, self._field(key))

    def set(self, key: str, text: str) -> bool:
        """Convert, validate and assign; True when the value changed. Raises ConfigError."""
        name = self.find_key(key)
        if name is None:
            raise UnknownKeyError(key, self.keys())
        value = self.key_info(name).convert(text)
        field = self._field(name)
        changed = bool(getattr(self, field) != value)
        setattr(self, field, value)
        return changed

    def to_properties(self) -> dict[str, str]:
        """Every key with its value as text; a key that is null is left out, as in object2Properties."""
        values = (getattr(self, field) for field in self.__struct_fields__)
        return {key: value_text(value) for key, value in zip(self.keys(), values, strict=True) if value is not None}

    def diff(self, other: ConfigClass | None = None) -> dict[str, tuple[str | None, str | None]]:
        """Keys whose value differs from `other`'s (the defaults when None): key -> (other's, ours)."""
        theirs = (type(self)() if other is None else other).to_properties()
        ours = self.to_properties()
        return {key: (theirs.get(key), ours.get(key)) for key in self.keys() if theirs.get(key) != ours.get(key)}


def _spellings(key: str) -> Iterable[str]:
    # Java derives the property name from the setter: setInBrokerContainer sets the field isInBrokerContainer.
    yield "is" + key[:1].upper() + key[1:]
    if key.startswith("is") and key[2:3].isupper():
        yield key[2].lower() + key[3:]


class ApplyReport(msgspec.Struct):
    """What became of a property file's keys."""

    #: Keys that were set, of whatever class.
    given: set[str] = set()
    unknown: list[UnknownKeyError] = []
    without_effect: list[str] = []
    #: Key and value of everything that no class has; shown with the running configuration.
    extra: dict[str, str] = {}
    #: What Apache's servers take otherwise, and why keys are not known, with their lines.
    notes: list[str] = []

    def warnings(self) -> list[str]:
        """One line for each thing the reader should know."""
        lines = list(self.notes)
        if self.without_effect:
            lines.append("kept but without effect in this product: " + ", ".join(self.without_effect))
        return lines


def apply_properties(properties: Iterable[Property], configs: Sequence[ConfigClass]) -> ApplyReport:
    """Set every key in each class that has it, as Apache feeds one file to all its classes.

    Unknown keys and keys without effect here are reported, not refused. Raises ConfigError: of several ConfigFileError.
    """
    report = ApplyReport()
    errors: list[ConfigError] = []
    for item in properties:
        try:
            _apply(item, configs, report)
        except ConfigError as error:
            errors.append(_named(f"{item.place}: ", error))
    if errors:
        raise errors[0] if len(errors) == 1 else ConfigFileError(errors)
    return report


def _apply(item: Property, configs: Sequence[ConfigClass], report: ApplyReport) -> None:
    owners = [(config, name) for config in configs if (name := config.find_key(item.key)) is not None]
    if not owners:
        _apply_foreign(item, configs, report)
        return
    report.given.update(name for _, name in owners)
    infos = [config.key_info(name) for config, name in owners]
    changed = [config.set(name, item.value) for config, name in owners]
    if any(info.used is not None for info in infos):
        if item.value != trim(item.value):
            report.notes.append(
                f"{item.place}: the blanks around the value of '{item.key}' are not part of it here and in Apache 5; "
                "Apache 4 keeps them: remove them"
            )
    elif any(changed):
        report.without_effect.append(item.key)


def _apply_foreign(item: Property, configs: Sequence[ConfigClass], report: ApplyReport) -> None:
    from rocketmq_ops.common.foreign_keys import is_foreign, refusal

    refused = refusal(item.key, item.value)
    if refused is not None:
        raise RefusedValueError(item.key, item.value, refused)
    report.extra[item.key] = item.value
    if is_foreign(item.key):
        report.without_effect.append(item.key)
        return
    error = UnknownKeyError(item.key, list(chain.from_iterable(config.keys() for config in configs)))
    report.unknown.append(error)
    report.notes.append(f"{item.place}: {error}: {error.next_step} (ignored, as by Apache)")


def load_config_file(path: str, configs: Sequence[ConfigClass]) -> ApplyReport:
    """Read a property file and apply it. Raises ConfigError naming the file, PropertiesError."""
    from rocketmq_ops.common.properties import read_property_file

    file = read_property_file(path)
    try:
        report = apply_properties(file.properties, configs)
    except ConfigFileError as error:
        raise ConfigFileError([_named(f"{path} ", each) for each in error.errors]) from None
    except ConfigError as error:
        raise _named(f"{path} ", error) from None
    report.notes = [f"{path} {note}" for note in (*file.notes, *report.notes)]
    return report


def override(words: Iterable[str], configs: Sequence[ConfigClass]) -> ApplyReport:
    """Apply `KEY=VALUE` words of a command line over what a file says. Raises ConfigError."""
    from rocketmq_ops.common.properties import Property

    properties = []
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise ConfigError(
                f"'{word}' is neither an option nor KEY=VALUE", "give KEY=VALUE; the help lists the options"
            )
        properties.append(Property(key, value))
    return apply_properties(properties, configs)


def _named(place: str, error: ConfigError) -> ConfigError:
    return ConfigError(f"{place}{error}", error.next_step)


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
