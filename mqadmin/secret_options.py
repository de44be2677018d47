"""Secrets that a command is given: from a file, the environment, a prompt or standard input.

A secret on the command line, as Apache's tool takes it, can be seen in the list of processes and in the shell's
history: it is taken with a note. No secret is printed or logged.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, get_args

from rocketmq_ops.mqadmin import standard_input
from rocketmq_ops.mqadmin.connecting.private_file import read_private
from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.values import path

Password = Annotated[
    str, Opt("-p", "--password", help="the password; '-' asks for it, or reads it from stdin", secret=True)
]
PasswordFile = Annotated[
    str, Opt("--passwordFile", help="take the password from this file, '-' from stdin", parse=path, metavar="FILE")
]
PasswordEnv = Annotated[str, Opt("--passwordEnv", help="take the password from this variable", metavar="NAME")]
SecretKey = Annotated[
    str, Opt("-s", "--secretKey", help="the secret key; '-' asks for it, or reads it from stdin", secret=True)
]
SecretKeyFile = Annotated[
    str, Opt("--secretKeyFile", help="take the secret key from this file, '-' from stdin", parse=path, metavar="FILE")
]
SecretKeyEnv = Annotated[str, Opt("--secretKeyEnv", help="take the secret key from this variable", metavar="NAME")]

#: The options that take a secret itself.
SECRET_OPTIONS: tuple[Opt, ...] = tuple(get_args(kind)[1] for kind in (Password, SecretKey))

#: The secrets of the running command by their names: what was asked for is not asked for again when a command that was
#: planned is run.
_READ: ContextVar[dict[str, str] | None] = ContextVar("secrets", default=None)


@contextlib.contextmanager
def read_once() -> Iterator[Mapping[str, str]]:
    """Keep what `read_secret` reads, and give it again; the mapping holds all that was read."""
    kept: dict[str, str] = {}
    token = _READ.set(kept)
    try:
        yield kept
    finally:
        _READ.reset(token)


def read_secret(what: str, given: str | None, file: str | None, variable: str | None) -> tuple[str | None, list[str]]:
    """The secret by the way it is given, None when by none, and the notes to show. `what` is its name (`password`).

    Raises CommandError when it cannot be read or is empty.
    """
    kept = _READ.get()
    if given is not None and given != "-":
        option = "--" + "".join(word.capitalize() if at else word for at, word in enumerate(what.split()))
        note = f"the {what} was on the command line, where others can see it: {option}File, {option}Env or '-' hide it"
        return given, [note]
    if kept is not None and what in kept:
        return kept[what], []
    if given == "-" or file == "-":
        text = _asked(what) if standard_input.is_terminal() else standard_input.line()
    elif file is not None:
        text = read_private(Path(file))
    elif variable is not None:
        if variable not in os.environ:
            raise usage(f"the {what} shall come from {variable}, which is not set", "set it in the environment")
        text = os.environ[variable]
    else:
        return None, []
    text = text.strip()
    if not text:
        raise usage(f"the {what} is empty", "give one that is not")
    if kept is not None:
        kept[what] = text
    return text, []


def _asked(what: str) -> str:
    import getpass

    from rocketmq_ops.mqadmin.lang import tr

    first = getpass.getpass(f"{tr(what)}: ")
    if getpass.getpass(f"{tr(f'{what} again')}: ") != first:
        raise usage("the two inputs are not the same", "run the command again")
    return first
