"""How functions of the application are called: a coroutine function on the loop, a plain one in a worker thread."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import Any

#: Whose worker threads a call within a call uses: a listener that calls another has it run in its consumer's.
_of_caller: ContextVar[Executor | None] = ContextVar("executor", default=None)


async def call_user_code(executor: Executor | None, function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` answers, awaited if need be. Raises what it raises.

    `executor` None is that of the call within which this one is made, and the loop's own outside of any.
    """
    executor = executor or _of_caller.get()
    outer = _of_caller.set(executor)
    try:
        if inspect.iscoroutinefunction(function):
            return await function(*args)
        answer = await asyncio.get_running_loop().run_in_executor(executor, function, *args)
        return await answer if inspect.isawaitable(answer) else answer
    finally:
        _of_caller.reset(outer)
