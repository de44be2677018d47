"""Work cut into steps: a generator that yields between them and returns a result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

R = TypeVar("R")


class Steps(Generic[R]):
    """Iterates over the steps of a generator; `result` is what it returned, once the iteration has ended."""

    result: R

    def __init__(self, generator: Generator[None, None, R]) -> None:
        self._generator = generator

    def __iter__(self) -> Iterator[None]:
        self.result = yield from self._generator
