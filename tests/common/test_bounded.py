"""A cache that is emptied when it is full."""

from rocketmq_ops.common.bounded import Bounded


def test_it_never_holds_more_than_it_may():
    cache: dict[int, int] = Bounded(3)
    for number in range(10):
        cache[number] = -number
        assert cache.get(number) == cache[number] == -number and len(cache) <= 3
    assert dict(cache) == {9: -9}
