"""Telling somebody: a command, a webhook. One call for all notices of a run.

A command is run without a shell: its words are split as a shell does, and there are no pipes, variables or `;` in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.housekeeping.probe.alert_settings import AlertSettings
from rocketmq_ops.housekeeping.probe.alerts import Notice

#: How long a command or a webhook may take, s.
_SECONDS: Final = 30


class HookError(RocketMQError):
    """Nobody could be told."""


class Told(msgspec.Struct, rename="camel"):
    """What a hook gets as JSON: the cluster's name servers, and the notices of one run."""

    name_servers: list[str]
    timestamp: int
    notices: Sequence[Notice]


async def tell(settings: AlertSettings, told: Told, owed: Mapping[str, Sequence[Notice]]) -> dict[str, HookError]:
    """Call each hook that is configured, whether or not another fails; what failed, by `command` and `webhook`.

    `owed` are the notices that a hook did not get before; it gets them now, unless there is a newer one of the same.
    """
    failed: dict[str, HookError] = {}
    fresh = {notice.problem.key for notice in told.notices}
    for hook in configured(settings):
        older = [notice for notice in owed.get(hook, ()) if notice.problem.key not in fresh]
        if not older and not told.notices:
            continue
        body = msgspec.json.encode(msgspec.structs.replace(told, notices=[*older, *told.notices]))
        try:
            if hook == "command":
                await _run(settings.command, body)
            else:
                await asyncio.to_thread(_post, settings.webhook, body)
        except HookError as error:
            failed[hook] = error
    return failed


def configured(settings: AlertSettings) -> list[str]:
    """The hooks that there are."""
    return [name for name, value in (("command", settings.command), ("webhook", settings.webhook)) if value]


async def _run(command: str, body: bytes) -> None:
    words = shlex.split(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise HookError(
            f"cannot run the hook {words[0]}: {system_words(error)}", "correct `command` of `alerts`"
        ) from None
    try:
        async with asyncio.timeout(_SECONDS):
            _, said = await process.communicate(body)
    except TimeoutError:
        _end(process)
        await process.wait()
        raise HookError(f"the hook {words[0]} did not end within {_SECONDS} s", "make it quicker") from None
    except asyncio.CancelledError:
        _end(process)
        await process.wait()
        raise
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise HookError(
            f"the hook {words[0]} ended with code {process.returncode}{f': {last}' if last else ''}",
            "it is called again in the next run",
        )


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a hook with what it has started, which would pile up run after run."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _post(url: str, body: bytes) -> None:
    import http.client
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise HookError(
            f"the webhook answered {error.code} {error.reason}", "it is called again in the next run"
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise HookError(f"cannot reach the webhook: {reason}", "correct `webhook` of `alerts`") from None
