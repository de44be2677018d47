"""Consumed keys in Redis, for the consumers of one group on many hosts. It needs the package redis (`[redis]`).

A key of Redis for each business key, with the owner of its reservation or DONE, and the time after which it counts for
nothing as its own expiry, by the clock of Redis: those of its clients do not matter. Reservations and notes are scripts
of one key each: atomic, and the same when they are sent twice because an answer was lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final, Protocol

from rocketmq_ops.client.consumer.deduplicate import Claim, StoreUnavailableError
from rocketmq_ops.client.errors import ClientError

#: The value of a key that was consumed, in the scripts too; of one that is reserved it is the owner.
DONE: Final = "*"
#: A key, the owner, ms that the reservation lasts -> a Claim.
CLAIM: Final = """
local found = redis.call('GET', KEYS[1])
if found == '*' then return 'done' end
if found and found ~= ARGV[1] then return 'busy' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 'mine'
"""
#: A key, the owner, ms that it is remembered or 0 to free it; what another has reserved since stays the other's.
SETTLE: Final = """
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], '*', 'PX', ARGV[2])
return 1
"""


class Pipeline(Protocol):
    """What the store needs of a pipeline of redis.asyncio."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Have a script run."""

    def execute(self, raise_on_error: bool = ...) -> Awaitable[list[Any]]:
        """Send what was asked for; the answers, errors among them unless they are to be raised."""


class RedisClient(Protocol):
    """What the store needs of a `redis.asyncio.Redis`."""

    def pipeline(self, transaction: bool = ...) -> Pipeline:
        """Commands that are sent together."""

    def aclose(self) -> Awaitable[None]:
        """Close all connections."""


class RedisStore:
    """Consumed keys in Redis, as `PREFIX:KEY`; an async context manager.

    `redis` is a URL (`redis://host:6379/0`, `rediss://` with TLS, `unix://`), or a `redis.asyncio.Redis` of the
    application, which stays open. Give each consumer group a `prefix` of its own. Calls wait `timeout_ms` at most.
    """

    def __init__(self, redis: str | RedisClient, *, prefix: str, timeout_ms: int = 3_000) -> None:
        self._prefix = prefix
        self._own = isinstance(redis, str)
        self._name = _without_password(redis) if isinstance(redis, str) else "Redis"
        self._redis = _connected(redis, timeout_ms) if isinstance(redis, str) else redis

    async def __aenter__(self) -> RedisStore:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections, unless they are the application's."""
        if self._own:
            await self._redis.aclose()

    async def claim(self, keys: Sequence[str], owner: str, lease_ms: int) -> list[Claim]:
        """Reserve keys. Raises StoreUnavailableError."""
        answers = await self._each(CLAIM, [(key, owner, lease_ms) for key in keys])
        return [Claim(answer.decode() if isinstance(answer, bytes) else answer) for answer in answers]

    async def settle(self, owner: str, done: Iterable[str], failed: Iterable[str], remember_ms: int) -> None:
        """Note what was consumed, free what was not. Raises StoreUnavailableError."""
        await self._each(SETTLE, [(key, owner, remember_ms) for key in done] + [(key, owner, 0) for key in failed])

    async def _each(self, script: str, calls: list[tuple[str, str, int]]) -> list[Any]:
        from redis.exceptions import RedisError

        pipeline = self._redis.pipeline(transaction=False)
        for key, owner, lasting in calls:
            pipeline.eval(script, 1, f"{self._prefix}:{key}", owner, lasting)
        try:
            answers = await pipeline.execute(raise_on_error=False) if calls else []
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error
        for answer in answers:
            if isinstance(answer, Exception):
                raise self._unavailable(answer) from answer
        return answers

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(f"{self._name} cannot be used to deduplicate: {error}")


def _without_password(url: str) -> str:
    return url.rsplit("@", 1)[-1]


def _connected(url: str, timeout_ms: int) -> RedisClient:
    try:
        from redis.asyncio import Redis
    except ImportError:
        raise ClientError(
            "a RedisStore needs the package redis, which is not installed", "pip install 'rocketmq-ops[redis]'"
        ) from None
    seconds = timeout_ms / 1000
    try:
        client: RedisClient = Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    except ValueError as error:
        hidden = _without_password(url)
        raise ClientError(f"invalid URL of Redis '{hidden}': {error}", "give redis://HOST:PORT/DATABASE") from None
    return client
