"""Telling somebody: a command, a webhook. One call for all notices of a run."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError
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


async def tell(settings: AlertSettings, told: Told) -> None:
    """Call what is configured. Raises HookError of the first that fails."""
    body = msgspec.json.encode(told)
    if settings.command:
        await _run(settings.command, body)
    if settings.webhook:
        await asyncio.to_thread(_post, settings.webhook, body)


async def _run(command: str, body: bytes) -> None:
    words = shlex.split(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise HookError(
            f"cannot run the hook {words[0]}: {(error.strerror or str(error)).lower()}", "correct `command` of `alerts`"
        ) from None
    try:
        async with asyncio.timeout(_SECONDS):
            _, said = await process.communicate(body)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise HookError(f"the hook {words[0]} did not end within {_SECONDS} s", "make it quicker") from None
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise HookError(
            f"the hook {words[0]} ended with code {process.returncode}{f': {last}' if last else ''}",
            "it is called again in the next run",
        )


def _post(url: str, body: bytes) -> None:
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
    except OSError as error:
        reason = getattr(error, "reason", None) or error
        raise HookError(f"cannot reach the webhook: {reason}", "correct `webhook` of `alerts`") from None
