"""`mqadmin tui`: the live dashboard, in the terminal or in a browser."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Annotated, TextIO

import msgspec

from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import CommandError, usage
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.brokers import Interval
from rocketmq_ops.mqadmin.options.dashboard import (
    CertificateFile,
    MayWrite,
    RecordFile,
    ReplayFile,
    ScreenAddress,
    ServeAt,
    StoreOffline,
    ThemeName,
)
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.repeating.repeat import repeated
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.secret_options import PasswordEnv, PasswordFile, read_secret

#: Of what screens are made of, what encodings lack first.
_SIGNS = "✓✗…›─┃█▁"
LEAST_INTERVAL_SECONDS, MOST_INTERVAL_SECONDS = 2, 30


class DashboardEnd(msgspec.Struct, rename="camel"):
    """Where it was left: the address of the last screen, empty where it was served. It is not printed."""

    address: str


@command(
    result=DashboardEnd,
    streams=True,
    offline_with=("replay", "store"),
    example="mqadmin tui -n 127.0.0.1:9876 :group/orders-consumer",
)
async def tui(
    run: Run,
    address: Annotated[ScreenAddress | None, "where to begin, as :groups or :group/NAME"] = None,
    write: MayWrite = False,
    theme: ThemeName | None = None,
    interval: Annotated[
        Interval | None, "ask brokers every so many seconds, all else in proportion (default 5)"
    ] = None,
    record: RecordFile | None = None,
    replay: ReplayFile | None = None,
    store: StoreOffline | None = None,
    serve: ServeAt | None = None,
    password_file: Annotated[PasswordFile | None, "--serve only those who know the password in this file"] = None,
    password_env: Annotated[PasswordEnv | None, "--serve only those who know the password in this variable"] = None,
    certificate: CertificateFile | None = None,
) -> Outcome:
    """What is wrong, where, and since when: clusters, brokers, topics, groups and clients, live and as they were. It
    reads only, unless --write is given. Needs the package textual: `pip install 'rocketmq-ops[tui]'`.

    Keys: ? lists them, : goes to a screen, / filters, Enter and Escape go down and back, p stops the time and [ ] go
    along it, c compares with ten minutes ago, q ends it. With --serve it is shown in browsers instead, to everybody
    who is on this machine at a loopback address, at any other to who knows a password.
    """
    if replay is not None and store is not None:
        raise usage("--replay and --store are two things to look at", "give one of them")
    if record is not None and (replay is not None or store is not None):
        raise usage("--record writes what a cluster shows, and none is asked", "leave it out")
    if interval is not None and not LEAST_INTERVAL_SECONDS <= interval <= MOST_INTERVAL_SECONDS:
        raise usage(
            f"invalid interval {interval}: expected {LEAST_INTERVAL_SECONDS} to {MOST_INTERVAL_SECONDS} seconds",
            "less would be a load for the cluster, and with more no group can be judged",
        )
    if interval is not None and (replay is not None or store is not None):
        raise usage("--interval is how often a cluster is asked, and none is", "leave it out")
    if record is not None and serve is not None:
        raise usage("--record is written by one session, and --serve has one for each visitor", "give one of them")
    if serve is None and (password_file, password_env, certificate) != (None, None, None):
        raise usage("--passwordFile, --passwordEnv and --certificate are about --serve", "give --serve HOST:PORT too")
    if serve is None and not _has_screen():
        if _is_terminal(sys.stdin) and _is_terminal(sys.stdout):
            raise usage(
                "the dashboard is drawn on standard error, which is not a terminal",
                "leave away what leads it elsewhere, such as 2>FILE",
            )
        raise usage("the dashboard needs a terminal", "run it in one, or in a browser with --serve HOST:PORT")
    on_terminal = serve is None and "TEXTUAL_DRIVER" not in os.environ
    if on_terminal and os.environ.get("TERM") == "dumb":
        raise usage("the terminal cannot be drawn on: TERM is 'dumb'", "run it in another, or with --serve HOST:PORT")
    encoding = _encoding()
    if on_terminal and not _has_signs(encoding):
        raise usage(
            f"the dashboard is drawn with characters that the encoding of this locale lacks: {encoding}",
            "in a terminal that shows UTF-8 set LC_ALL=C.UTF-8, and PYTHONUTF8=1 where that is 0; or --serve HOST:PORT",
        )
    try:
        import textual  # noqa: F401
        import textual_serve  # noqa: F401
    except ImportError as error:
        raise CommandError(
            f"the dashboard needs the package {error.name}, which is not installed",
            "install it with `pip install 'rocketmq-ops[tui]'`",
            ExitCode.UNSUPPORTED,
        ) from None
    from rocketmq_ops.mqadmin import dashboard

    if serve is not None:
        if password_file is not None and password_env is not None:
            raise usage("--passwordFile and --passwordEnv are two ways to give one password", "give one of them")
        password, _ = read_secret("password", None, password_file, password_env)
        with _without(password_env):  # the sessions are processes, of which none needs it
            served = dashboard.Served(at=serve, address=address, password=password, certificate=certificate)
            await dashboard.serve(run, served)
        return Outcome(data=DashboardEnd(""), text="")
    looked_at = dashboard.Looked(
        address=address, write=write, theme=theme, record=record, replay=replay, store=store, interval=interval
    )

    async def shown() -> Outcome:
        return Outcome(data=DashboardEnd(await dashboard.show(run, looked_at)), text="")

    return await repeated(run, None, shown)  # SIGTERM gives the terminal back first


@contextlib.contextmanager
def _without(variable: str | None) -> Iterator[None]:
    """Meanwhile the environment lacks a variable."""
    held = None if variable is None else os.environ.pop(variable, None)
    try:
        yield
    finally:
        if variable is not None and held is not None:
            os.environ[variable] = held


def _encoding() -> str:
    """That of what Textual draws on."""
    return getattr(sys.__stderr__, "encoding", None) or "utf-8"


def _has_signs(encoding: str) -> bool:
    """Whether an encoding has the signs, lines and bars that screens are made of."""
    try:
        _SIGNS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _has_screen() -> bool:
    """Whether there is a terminal; a session in a browser has a driver of its own."""
    return "TEXTUAL_DRIVER" in os.environ or all(map(_is_terminal, (sys.stdin, sys.stdout, sys.stderr)))


def _is_terminal(stream: TextIO | None) -> bool:
    """One that is closed is None."""
    return stream is not None and stream.isatty()
