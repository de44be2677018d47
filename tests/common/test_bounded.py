"""Tables that stay small, whatever is put into them."""

from rocketmq_ops.common.bounded import Bounded, Names, Newest, RecentlyUsed


def test_it_never_holds_more_than_it_may():
    cache: dict[int, int] = Bounded(3)
    for number in range(10):
        cache[number] = -number
        assert cache.get(number) == cache[number] == -number and len(cache) <= 3
    assert dict(cache) == {9: -9}


def test_what_was_added_longest_ago_is_forgotten_first():
    newest: Newest[int] = Newest(3)
    for number in (1, 2, 3, 1, 4):
        newest.add(number)
    assert [number for number in range(6) if number in newest] == [2, 3, 4]


def test_a_name_is_held_once():
    names = Names(3)
    topic = "".join(["To", "pic"])
    assert names.once(topic) is topic
    assert names.once("".join(["Top", "ic"])) is topic
    for number in range(10):
        names.once(str(number))
    assert len(names) <= 3


def test_what_was_used_longest_ago_is_released_first():
    released: list[str] = []
    held: RecentlyUsed[int, str] = RecentlyUsed(2, released.append)
    held.put(1, "one")
    held.put(2, "two")
    assert held.get(1) == "one"
    held.put(3, "three")
    assert released == ["two"] and len(held) == 2
    assert held.get(2) is None
    held.drop(1)
    held.drop(1)
    assert released == ["two", "one"]
    held.clear()
    assert released == ["two", "one", "three"] and not len(held)
