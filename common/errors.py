"""The base of this product's errors: each says its cause and what to do next."""

from __future__ import annotations

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


class AllFailedError(RocketMQError):
    """Every target of a fan-out failed; `causes` holds each one's error, in the order of the targets."""

    def __init__(self, what: str, causes: dict[str, RocketMQError]) -> None:
        first = next(iter(causes.values()))
        listed = "; ".join(
            f"{target}: {error.cause}" if target not in error.cause else error.cause for target, error in causes.items()
        )
        super().__init__(f"{what} failed on all {len(causes)} servers: {listed}" if len(causes) > 1 else first.cause)
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
