"""From an exception to a problem with its exit code: what failed, why, and the next step."""

from __future__ import annotations

import errno
import os

from ..common.errors import RocketMQError
from .exit_codes import ExitCode
from .outcome import Problem

_NO_PERMISSION, _INVALID_PARAMETER, _ILLEGAL_OPERATION = 16, 29, 604
_NOT_FOUND_CODES = frozenset({17, 22, 24, 26, 206})  # topic, KV entry, subscription, group; consumer not online
_REFUSED_CODES = frozenset({_NO_PERMISSION, 13, _INVALID_PARAMETER, _ILLEGAL_OPERATION, 23, 25})


class CommandError(RocketMQError):
    """A command cannot go on. Carries the exit code that fits."""

    def __init__(self, cause: str, next_step: str = "", exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(cause, next_step)
        self.exit_code = exit_code


def not_found(cause: str, next_step: str = "") -> CommandError:
    """The error for something named that does not exist."""
    return CommandError(cause, next_step, ExitCode.NOT_FOUND)


def usage(cause: str, next_step: str = "") -> CommandError:
    """The error for a wrong combination of options."""
    return CommandError(cause, next_step, ExitCode.USAGE)


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that an exception stands for."""
    from ..client.admin.errors import (
        ACL_EXCEPTION,
        AdminError,
        AllFailedError,
        InvalidValueError,
        NotFoundError,
        RefusedValueError,
    )
    from ..common.addresses import AddressError
    from ..common.config import ConfigError
    from ..common.errors import NoSuchPathError
    from ..common.properties import PropertiesError
    from ..remoting import errors as remoting
    from .profiles import ProfileError

    if isinstance(error, AllFailedError):
        return exit_code_of(error.first)
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, (ProfileError, InvalidValueError, AddressError, ConfigError, PropertiesError)):
        return ExitCode.USAGE
    if isinstance(error, (NotFoundError, NoSuchPathError)):
        return ExitCode.NOT_FOUND
    if isinstance(error, RefusedValueError) or (isinstance(error, AdminError) and ACL_EXCEPTION in error.remark):
        return ExitCode.REFUSED
    if isinstance(error, AdminError):
        return exit_code_of_response(error.code)
    if isinstance(error, (remoting.RemotingTimeoutError, TimeoutError)):
        return ExitCode.TIMEOUT
    if isinstance(error, remoting.RemotingBindError):
        return ExitCode.FAILED
    if isinstance(error, (remoting.RemotingConnectError, remoting.RemotingSendError, ConnectionError)):
        return ExitCode.CANNOT_CONNECT
    return ExitCode.FAILED


def exit_code_of_response(code: int | None) -> ExitCode:
    """The exit code for a server's ResponseCode."""
    if code in _NOT_FOUND_CODES:
        return ExitCode.NOT_FOUND
    if code in _REFUSED_CODES:
        return ExitCode.REFUSED
    return ExitCode.FAILED


def problem_of(error: BaseException, target: str = "") -> Problem:
    """The problem to show for an exception."""
    code = getattr(error, "code", None)
    cause, next_step = str(error) or type(error).__name__, getattr(error, "next_step", "")
    if isinstance(error, OSError) and error.errno is not None and not next_step:
        cause, next_step = _of_system(error)
    return Problem(
        target=target or str(getattr(error, "address", "") or ""),
        cause=cause,
        next_step=next_step or "run it again with --debug to see where it happened",
        code=code if isinstance(code, int) and code >= 0 else None,
    )


def _of_system(error: OSError) -> tuple[str, str]:
    """What the system refused, for which path, and what to look at."""
    cause = os.strerror(error.errno or 0).lower()
    if error.filename is not None:
        cause = f"{error.filename}: {cause}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return cause, "free space on that disk"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return cause, "raise the limit of open files (ulimit -n)"
    return cause, "check the path and its permissions"
