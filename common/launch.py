"""What the mains of the servers share: flags, the printed configuration, signals, and failures as one line.

Apache's flags of mqnamesrv and mqbroker are accepted: `-c FILE`, `-n ADDRS`, `-p`, `-m`, `-h` and their long names.
Which configuration classes there are and what is started is in `namesrv/startup.py` and `broker/startup.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import msgspec

from rocketmq_ops.common import stopping
from rocketmq_ops.common.config import ConfigClass, ConfigError, ConfigFileError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.logs.config import LogSettings, apply_levels
from rocketmq_ops.common.logs.one_line import OneLineFormatter
from rocketmq_ops.common.properties import NoSuchPropertiesError, PropertiesError
from rocketmq_ops.common.shipped import shipped_path

#: Exit codes: the server could not start or stop; the command line or the configuration is wrong.
EXIT_FAILED = 1
EXIT_USAGE = 2

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LOADED_AT = time.monotonic()


class Flags(msgspec.Struct):
    """The command line of a server."""

    config_file: str | None = None
    name_servers: str | None = None
    print_all: bool = False
    print_important: bool = False
    debug: bool = False
    log_dir: str | None = None
    #: `KEY=VALUE` words, which count more than the property file.
    settings: list[str] = []


def parse_flags(program: str, description: str, argv: Sequence[str], *, name_servers: bool) -> Flags:
    """Read the command line; exits with a usage error or after `-h`, as argparse does."""
    import argparse

    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=f"Example property files: {shipped_path('conf')}\nEvery key: {shipped_path('docs/configuration.md')}",
        formatter_class=argparse.RawDescriptionHelpFormatter,  # paths are not broken at their hyphens
        allow_abbrev=False,
    )
    parser.add_argument("-c", "--configFile", dest="config_file", metavar="FILE", help="property file to start with")
    servers_help = "name servers to register with, HOST:PORT separated by ';'"
    parser.add_argument(
        "-n",
        "--namesrvAddr",
        dest="name_servers",
        metavar="ADDRS",
        help=servers_help if name_servers else "accepted and not used, as in Apache's name server",
    )
    parser.add_argument(
        "-p", "--printConfigItem", dest="print_all", action="store_true", help="print all configuration keys and exit"
    )
    parser.add_argument(
        "-m",
        "--printImportantConfig",
        dest="print_important",
        action="store_true",
        help="print the keys that take effect and exit",
    )
    parser.add_argument(
        "--log-dir", dest="log_dir", metavar="DIR", help="folder of log files, as the key logDir; stderr has warnings"
    )
    parser.add_argument("--debug", action="store_true", help="log more, and print stack traces of failures")
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="KEY=VALUE",
        help="a configuration key, which counts more than the property file's",
    )
    flags = Flags(**vars(parser.parse_intermixed_args(argv)))
    if flags.log_dir is not None:
        flags.settings.append(f"logDir={flags.log_dir}")
    return flags


def configuration_text(configs: Iterable[ConfigClass], *, only_used: bool) -> str:
    """Every key of the classes, or those that take effect, as a property file with a comment before each class."""
    lines: list[str] = []
    for config in configs:
        lines.append(f"# {type(config).__name__}")
        for key, text in config.to_properties().items():
            if not only_used or config.key_info(key).used is not None:
                lines.append(f"{key}={text}")
    return "\n".join(lines) + "\n"


def configure_log(*, debug: bool) -> None:
    """Log to stderr: warnings and the few lines of a server's life, everything with `debug`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)


@contextlib.contextmanager
def logging_as(settings: LogSettings, files: str, *, debug: bool) -> Iterator[None]:
    """Log as the configuration says, to the files of the table `files` of `common/logs/log_files.py` where it has them.

    Raises OSError for a folder that cannot be written."""
    configure_log(debug=debug)
    if not debug:
        apply_levels(settings.logLevel)
    if not settings.logDir:
        yield
        return
    from rocketmq_ops.common.logs import log_files  # only who writes files has use for it

    written = log_files.LogFiles(settings, getattr(log_files, files))
    written.start()
    try:
        yield
    finally:
        written.close()


def name_process(name: str) -> None:
    """Give the process this name in ps, top and pgrep; `mqshutdown` finds it by that. No-op where unsupported."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write(name)


def raise_file_limit() -> None:
    """Let the process open as many files as its hard limit allows; shells often give a soft limit of 1024."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def process_age_ms() -> int:
    """ms since this process began; since this module was loaded where the system does not report it."""
    try:
        with open("/proc/self/stat") as file:
            started_ticks = int(file.read().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        age = time.monotonic() - _LOADED_AT
    return max(int(age * 1000), 0)


def memory_text() -> str:
    """How much memory this process has to itself now, in words; the page cache is everybody's."""
    try:
        with open("/proc/self/statm") as file:
            _, resident, shared, *_ = (int(word) for word in file.read().split())
        own = f"{(resident - shared) * os.sysconf('SC_PAGE_SIZE') / 1e6:.0f} MB of its own now"
    except (OSError, ValueError):
        own = "unknown"
    return f"memory: {own}"


def print_line(line: str, *, logged_by: logging.Logger | None = None) -> None:
    """Print one line on stdout, at once, and log it. A server does not end because its reader has."""
    if logged_by is not None:
        logged_by.info("%s", line)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def warn(program: str, lines: Iterable[str]) -> None:
    """Lines on stderr, each with the program's name."""
    for line in lines:
        sys.stderr.write(f"{program}: {line}\n")


async def serve(
    start: Callable[[], Awaitable[None]],
    started: Callable[[], None],
    stop: Callable[[], Awaitable[None]],
    *,
    until_stdin_ends: bool = False,
) -> None:
    """Start, call `started`, wait for SIGTERM or SIGINT, stop. A second signal ends the process at once.

    The signals are not left to the loop: a loop that is busy or stuck would look at neither of them. The first one puts
    back the system's own way with the second, which asks nobody.

    With `until_stdin_ends` the end of standard input stops it too: a parent that holds its other end and dies,
    however it dies, leaves nothing behind.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def on_signal(number: int, _frame: object) -> None:
        if number == signal.SIGTERM:
            stopping.note_sigterm()
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        loop.call_soon_threadsafe(asked.set)

    def on_stdin() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            asked.set()

    before = {number: signal.signal(number, on_signal) for number in _STOP_SIGNALS}
    try:
        if until_stdin_ends:
            try:
                loop.add_reader(0, on_stdin)
            except OSError:
                raise RocketMQError(
                    "standard input is neither a pipe nor a terminal, so its end cannot be waited for",
                    "give the server a pipe, or leave --until-stdin-ends out",
                ) from None
        await start()
        try:
            if not asked.is_set():
                started()
            await asked.wait()
        finally:
            if until_stdin_ends:
                loop.remove_reader(0)
            await stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def guarded(program: str, run: Callable[[], int], *, debug: Callable[[], bool] = lambda: False) -> int:
    """`run`, with every failure as one line on stderr (cause and next step) and an exit code that is not 0.

    Only a property file with several mistakes has a line for each.
    """
    try:
        return run()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug():
            raise
        code = EXIT_USAGE if isinstance(error, ConfigError | PropertiesError) else EXIT_FAILED
        warn(program, [_one_line(each) for each in (error.errors if isinstance(error, ConfigFileError) else [error])])
        return code


def _one_line(error: Exception) -> str:
    if isinstance(error, NoSuchPropertiesError):
        text = f"{error}; {error.next_step} given with -c"
    elif isinstance(error, RocketMQError):
        text = f"{error}; {error.next_step}" if error.next_step else str(error)
    elif isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        step = "free space on that disk" if error.errno in _NO_ROOM else "check the path and its permissions"
        text = f"{where}{error.strerror}; {step}"
    else:
        text = f"unexpected {type(error).__name__}: {error}; run it again with --debug and report what it prints"
    return " ".join(text.split())
