"""Whose turn it is to be asked for its clients."""

from collections.abc import Iterable

import pytest

from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.remoting.bodies import Connection, ConsumerConnection
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.tui.model.members import BEHIND_MS, FOUND_MS, Members
from tests.tui.model.cluster import Cluster, run

PAIR = {"a": "a:1", "b": "b:1"}


def connected(*ids: str) -> ConsumerConnection:
    return ConsumerConnection(connection_set=[Connection(client_id=each, client_addr=f"{each}:5") for each in ids])


def asks(members: Members, now_ms: int) -> list[str]:
    """The brokers that are asked for the group now."""
    return [address for address in PAIR.values() if members.next(address, now_ms) is not None]


def told_by(members: Members, told: Iterable[str], now_ms: int) -> str:
    """What the broker told whose turn it is; its address."""
    (address,) = asks(members, now_ms)
    members.told(address, "g", connected(*told), now_ms)
    return address


@pytest.fixture
def pair() -> Members:
    members = Members()
    members.place([("g", True, ["a", "b"])], PAIR)
    return members


def test_a_group_that_cannot_be_asked_holds_up_no_other():
    members = Members()
    members.place([("refused", True, ["b"]), ("other", True, ["b"])], {"b": "b:1"})
    assert members.next("b:1", 0) == "refused"
    members.not_told("refused", 0)
    assert members.next("b:1", 1) == "other"
    members.told("b:1", "other", None, 1)
    assert members.next("b:1", BEHIND_MS - 1) is None
    assert members.next("b:1", BEHIND_MS) == "refused", "in its turn"
    assert members.count("refused") is None
    members.told("b:1", "refused", None, BEHIND_MS)
    assert (members.count("refused"), members.count("other")) == (0, 0)


def test_a_broker_that_was_started_anew_takes_no_clients_away(pair: Members):
    """The clients find it again within a minute; until then it knows none of them, or some."""
    first = told_by(pair, ["one", "two"], 0)
    for now in (BEHIND_MS, 2 * BEHIND_MS):
        assert told_by(pair, [] if now == BEHIND_MS else ["two"], now) == first
        assert pair.count("g") == 2, "what was known, until the other broker was asked"
        assert told_by(pair, ["one", "two"], now) != first
        assert (pair.count("g"), asks(pair, now)) == (2, [])
        assert pair.place_of("g") != first, "clients are asked through a broker that knows them"


def test_clients_are_gone_where_two_brokers_know_none_of_them(pair: Members):
    told_by(pair, ["one", "two"], 0)
    told_by(pair, ["two"], BEHIND_MS)
    told_by(pair, [], BEHIND_MS)
    assert [client.client_id for client in pair.of_group("g")] == ["two"]
    told_by(pair, ["two", "new"], 2 * BEHIND_MS)
    assert (pair.count("g"), asks(pair, 2 * BEHIND_MS)) == (2, []), "more of them are not in doubt"


def test_of_a_group_that_is_behind_nobody_is_asked_for_twice_at_first(pair: Members):
    told_by(pair, [], 0)
    assert pair.count("g") is None
    other = next(address for address in PAIR.values() if pair.next(address, 0) is not None)
    (name,) = (name for name, address in PAIR.items() if address == other)
    pair.place([("g", True, ["a", "b"]), ("never", True, [name])], PAIR)
    assert pair.next(other, 0) == "never", "which was not asked about at all"
    pair.told(other, "never", None, 0)
    told_by(pair, ["one"], 0)
    assert pair.count("g") == 1


@pytest.mark.parametrize("away", [True, False])
def test_where_the_other_broker_cannot_be_asked_it_is_as_the_first_told(pair: Members, away: bool):
    first = told_by(pair, ["one"], 0)
    told_by(pair, [], BEHIND_MS)
    if away:  # it does not answer any more
        (name,) = (name for name, address in PAIR.items() if address == first)
        pair.place([("g", True, ["a", "b"])], {name: first})
        assert pair.count("g") == 1
        members = pair
        members.told(first, "g", None, 2 * BEHIND_MS)
    else:
        pair.not_told("g", BEHIND_MS)
    assert pair.count("g") == 0


def started(members: Members, since_ms: int, *addresses: str) -> None:
    for address in addresses:
        members.there_since(address, since_ms, since_ms)


def test_where_both_brokers_were_started_anew_it_is_not_known_who_is_there_until_clients_had_the_time_to_find_them(
    pair: Members,
):
    told_by(pair, ["one", "two"], 0)
    started(pair, 1000, *PAIR.values())
    now = BEHIND_MS
    while now < 1000 + FOUND_MS:
        assert told_by(pair, ["one"], now) != told_by(pair, ["one"], now)
        assert (pair.count("g"), pair.whole(["g"], [])) == (None, False)
        now += BEHIND_MS
    assert told_by(pair, ["one"], now) != told_by(pair, ["one"], now)
    assert (pair.count("g"), pair.whole(["g"], [])) == (1, True)


def test_one_broker_that_was_there_says_that_clients_are_gone(pair: Members):
    first = told_by(pair, ["one"], 0)
    started(pair, 1000, first)
    told_by(pair, [], BEHIND_MS)
    told_by(pair, [], BEHIND_MS)
    assert pair.count("g") == 0


def test_clients_that_have_found_a_broker_are_there_however_new_it_is(pair: Members):
    told_by(pair, ["one"], 0)
    started(pair, 1000, *PAIR.values())
    told_by(pair, [], BEHIND_MS)
    told_by(pair, [], BEHIND_MS)
    assert pair.count("g") is None
    told_by(pair, ["one", "new"], 2 * BEHIND_MS)
    assert pair.count("g") == 2


@pytest.mark.parametrize("behind", [True, False])
def test_the_only_broker_is_asked_again_soon_while_it_may_not_know_the_clients_yet(behind: bool):
    members = Members()
    members.place([("g", behind, ["a"])], {"a": "a:1"})
    members.told("a:1", "g", connected("one"), 0)
    started(members, 120_000, "a:1")
    members.told("a:1", "g", None, 121_000)
    assert members.count("g") is None
    assert members.next("a:1", 121_000 + BEHIND_MS) == "g"
    members.told("a:1", "g", None, 120_000 + FOUND_MS)
    assert members.count("g") == 0


def test_since_when_a_broker_runs_is_asked_where_it_counts(pair: Members):
    told_by(pair, ["one"], 0)
    now = FOUND_MS + 10_000
    assert not pair.age_matters("a:1", "g", None, now), "it does not say so"
    started(pair, 5_000, "a:1")
    assert pair.age_matters("a:1", "g", None, now)
    assert not pair.age_matters("a:1", "g", connected("one"), now), "nobody is missing"
    assert not pair.age_matters("a:1", "g", None, 15_000), "it is too new as it is"
    pair.there_since("a:1", 5_000, now)
    assert not pair.age_matters("a:1", "g", None, now + 1_000), "it has just been told"


def test_a_group_is_not_offline_for_all_brokers_having_been_started_anew():
    async def test():
        cluster = Cluster()
        cluster.group("g", 200, 100)
        cluster.clients["g"] = ["c"]
        cluster.started = dict.fromkeys(cluster.names, cluster.clock.time_ms - 3_600_000)
        async with cluster.watched() as model:
            await cluster.clock.advance(320_000)
            assert model.moment().groups["g"].lag.state is LagState.STALLED
            last_ms = max(at for at, _, code in cluster.asked if code == RequestCode.GET_CONSUMER_CONNECTION_LIST)
            await cluster.clock.advance(last_ms + BEHIND_MS - cluster.clock.time_ms - 100)  # it is asked before figures
            cluster.started = dict.fromkeys(cluster.names, cluster.clock.time_ms)
            cluster.clients["g"] = []
            seen = set()
            for _ in range(45):
                await cluster.clock.advance(1_000)
                group = model.moment().groups["g"]
                seen.add((group.lag.state, group.members))
            assert seen == {(LagState.STALLED, 1), (LagState.UNKNOWN, None)}
            cluster.clients["g"] = ["c"]
            await cluster.clock.advance(25_000)
            assert model.moment().groups["g"].members == 1
            cluster.clients["g"] = []
            await cluster.clock.advance(30_000)
            assert model.moment().groups["g"].lag.state is LagState.OFFLINE

    run(test)
