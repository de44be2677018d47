"""How functions of the application are called: a coroutine function on the loop, a plain one in a worker thread."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any


async def call_user_code(executor: Executor | None, function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` answers, awaited if need be; `executor` None is the loop's own. Raises what it raises."""
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    answer = await asyncio.get_running_loop().run_in_executor(executor, function, *args)
    return await answer if inspect.isawaitable(answer) else answer
