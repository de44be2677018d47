"""The base of this product's errors: each says its cause and what to do next."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class See(msgspec.Struct, frozen=True):
    """Where the reader of an error can look: a call of the admin client (`topics.route`), and what it is about.

    A front end says it in its own terms, such as a command line.
    """

    call: str
    about: str = ""


class RocketMQError(Exception):
    """An expected failure. `cause` is its words; `next_step` says what the reader can do about it.

    `see` names what shows more. `str(error)` is the cause, with a server's code where there is one.
    """

    next_step: str = ""
    see: See | None = None

    def __init__(self, cause: str, next_step: str = "", *, see: See | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        if next_step:
            self.next_step = next_step
        if see is not None:
            self.see = see


class CorruptDataError(RocketMQError):
    """Bytes that are not what their format demands (a record, a frame, a configuration file)."""


class NoSuchPathError(RocketMQError):
    """A file or directory that was named, and is not there or is something else."""


def system_words(error: OSError) -> str:
    """What the operating system says of a failure, as it stands within a sentence of ours."""
    return (error.strerror or str(error)).lower()


def some_of(names: Sequence[str], at_most: int = 4) -> str:
    """The names, or so many of them and how many more there are."""
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"


class AllFailedError(RocketMQError):
    """Every target of a fan-out failed: servers, queues, topics; `causes` holds each one's error, in their order."""

    def __init__(self, what: str, causes: dict[str, RocketMQError]) -> None:
        first = next(iter(causes.values()))
        targets: dict[str, list[str]] = {}
        for target, error in causes.items():
            targets.setdefault(error.cause, []).append(target)
        listed = "; ".join(cause if at[0] in cause else f"{some_of(at)}: {cause}" for cause, at in targets.items())
        super().__init__(f"{what} failed everywhere: {listed}" if len(causes) > 1 else first.cause)
        self.next_step = first.next_step
        self.see = first.see
        self.causes = causes
        self.first = first
        self.code = getattr(first, "code", None)
        self.address = getattr(first, "address", "")


class Failure(msgspec.Struct, rename="camel", omit_defaults=True):
    """One thing of several that failed: where, why, and what to do. `code` is the server's ResponseCode if any."""

    target: str
    cause: str
    next_step: str = ""
    code: int | None = None


def failure_of(target: str, error: RocketMQError) -> Failure:
    """The failure to list for an error."""
    return Failure(target, error.cause, error.next_step, getattr(error, "code", None))
