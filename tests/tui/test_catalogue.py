"""What is typed behind the colon."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rocketmq_ops import tui
from rocketmq_ops.tui.catalogue import Catalogue, NeedsNameError, Place
from rocketmq_ops.tui.model.address import AddressError
from rocketmq_ops.tui.model.taken import ARRANGED, Taken
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.screens.overview import OverviewScreen
from tests.tui.fakes import moment

CATALOGUE = Catalogue(
    [
        Place("groups", ("g",), "Groups", OverviewScreen),
        Place("group", (), "Group", OverviewScreen, lambda moment: moment.groups),
        Place("topics", ("t",), "Topics", OverviewScreen),
        Place(
            "topic", (), "Topic", OverviewScreen, lambda moment: moment.topics, "topics", taken=Taken(parts=("x y",))
        ),
    ]
)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("g", ":groups"),
        (":groups?sort=-lag", ":groups?sort=-lag"),
        ("group orders", ":group/orders"),
        ("topic", ":topics"),
        ("topic/orders", ":topic/orders"),
        ("group/%RETRY%orders", ":group/%RETRY%orders"),
        ("groups?filter=two words", ":groups?filter=two%20words"),
        ("topic orders?part=x y", ":topic/orders?part=x%20y"),
    ],
)
def test_an_address_is_read_in_each_form(typed: str, address: str) -> None:
    assert str(CATALOGUE.address(typed)[1]) == address


@pytest.mark.parametrize(
    ("typed", "said"), [("nosuch", "there is no screen 'nosuch'"), ("group", "screen 'group' needs a name")]
)
def test_what_is_wrong_is_said(typed: str, said: str) -> None:
    with pytest.raises(AddressError) as raised:
        CATALOGUE.address(typed)
    assert raised.value.cause == said
    assert raised.value.next_step


@pytest.mark.parametrize(
    ("typed", "cause", "next_step"),
    [
        ("groups?sort=-nosuch&bogus=1", "unknown column 'nosuch' in the address", "known are group, state, "),
        ("groups?sort=-lga", "unknown column 'lga' in the address", "did you mean 'lag'?"),
        ("groups?bogus=1", "unknown option 'bogus' in the address", "known are topic, sort, filter, compare"),
        ("groups?topci=orders", "unknown option 'topci' in the address", "did you mean 'topic'?"),
        ("groups?part=queues", "unknown option 'part' in the address", "known are "),
        ("brokers?topic=orders", "unknown option 'topic' in the address", "known are cluster, "),
        ("overview?filter=x", "unknown option 'filter' in the address", "known are sort, compare"),
        ("overview?sort=nosuch", "unknown column 'nosuch' in the address", "known are broker, "),
        ("overview?sort=in_past", "unknown column 'in_past' in the address", "known are "),
        ("topic?part=queues", "unknown option 'part' in the address", "known are all, broker, "),
        ("group/g?part=queue", "invalid part 'queue' in the address", "did you mean 'queues'?"),
        ("group/g?topic=t", "unknown option 'topic' in the address", "known are sort, filter, compare, part"),
        ("messages/orders?tags=paid", "unknown option 'tags' in the address", "did you mean 'tag'?"),
        ("messages/orders?zzzz", "unknown option 'zzzz' in the address", "known are key, id, tag, "),
        ("messages/orders?from=first", "invalid from 'first' in the address: expected a number", "correct it"),
        ("messages/orders?begin=soon", "invalid time 'soon': expected 10m, ", "correct it"),
        ("messages/orders?begin=5m&end=10m", "begin is after end", "give the earlier time as begin"),
        ("dead-letters/g?begin=10m&end=2020-01-01", "begin is after end", "give the earlier time as begin"),
        ("messages/orders?where=tags = ", "", "correct it"),
        ("dlq/g?queue=a", "invalid queue 'a' in the address: expected a number", "correct it"),
        ("message/orders", "the address does not say which message", "give its id, as in :message/orders?id=ID"),
        ("message/orders?broker=b&queue=0", "the address does not say which message", "give its id"),
        ("message/orders?body=hxe", "invalid body 'hxe' in the address", "did you mean 'hex'?"),
        ("store//tmp/s?at=end", "invalid at 'end' in the address: expected a number", "correct it"),
        ("doctor?sort=x&nosuch", "unknown option 'nosuch' in the address", "known are "),
        ("groups/orders", "screen 'groups' takes no name", "did you mean ':group/orders'?"),
        ("journal/7", "screen 'journal' takes no name", "did you mean ':journal'?"),
    ],
)  # fmt: skip
def test_what_a_screen_does_not_have_is_refused(typed: str, cause: str, next_step: str) -> None:
    with pytest.raises(AddressError) as raised:
        catalogue(VIEWS).address(typed)
    assert raised.value.cause.startswith(cause)
    assert raised.value.next_step.startswith(next_step)


@pytest.mark.parametrize(
    "typed",
    [
        "groups?topic=orders&sort=-lag&filter=x&compare",
        "clients?group=g&sort=seen",
        "topics?all&broker=broker-a",
        "brokers?cluster=c",
        "alarms?sort=since",
        "overview?sort=-in&compare",
        "group/g?part=given-up&sort=-lag",
        "client/c@1?group=g&threads=1&part=threads",
        "messages/orders?key=1&follow&begin=10m&end=2126-11-27T14:02&queue=0&broker=b&from=17&tag=t",
        "message/orders?broker=b&queue=0&offset=1&id=0A&body=hex",
        "dead-letters/g?where=tags = 'A' and amount > 5",
        "record//tmp/s?at=0",
        "doctor/broker-a",
        "doctor",
    ],
)
def test_what_a_screen_has_is_taken(typed: str) -> None:
    catalogue(VIEWS).address(typed)


def test_options_that_screens_read_are_those_that_addresses_may_have() -> None:
    places = catalogue(VIEWS).places
    declared = {name for place in places for name in place.taken.own}
    read: set[str] = set()
    for path in Path(tui.__file__).parent.rglob("*.py"):
        read |= set(re.findall(r"""\.option\("(\w+)"\)""", path.read_text(encoding="utf-8")))
    assert read - {*ARRANGED} <= declared
    assert declared <= read | {"group", "broker", "queue", "offset"}  # which are read by other means


def test_one_that_is_nearly_right_is_named() -> None:
    with pytest.raises(AddressError) as raised:
        CATALOGUE.address("groupsy")
    assert raised.value.next_step == "did you mean 'groups'?"


def test_each_screen_has_the_words_that_people_try() -> None:
    places = catalogue(VIEWS)
    for words, name in (
        ("overview o ov home cluster clusters", "overview"), ("topics topic t to", "topics"),
        ("groups group g gr cg consumer consumers consumer-group consumer-groups", "groups"),
        ("brokers broker b br bk", "brokers"), ("clients client c cl conn connection connections", "clients"),
        ("nameservers nameserver name-servers name-server ns namesrv namesrvs", "nameservers"),
        ("alarms alarm a al alert alerts", "alarms"), ("events event e ev", "events"),
        ("doctor d doc", "doctor"), ("probe p probes prober", "probe"), ("journal j undo", "journal"),
    ):  # fmt: skip
        assert {places.address(word)[1].screen for word in words.split()} == {name}
    for word in ("messages m msg msgs", "dead-letters dlq dl dead-letter"):
        for each in word.split():
            with pytest.raises(NeedsNameError):
                places.address(each)


def test_suggestions_begin_with_what_is_meant() -> None:
    assert CATALOGUE.suggestions("g", moment()) == ["groups", "group"]
    assert CATALOGUE.suggestions("group/0002", moment()) == ["group/group-00002"]
    assert len(CATALOGUE.suggestions("group ", moment(groups=100))) == 8
    assert CATALOGUE.suggestions("topics/x", moment()) == []


def test_options_of_messages_are_offered_and_names_within_a_condition() -> None:
    places = catalogue(VIEWS)

    def offered(typed: str) -> list[str]:
        return [each.partition("?")[2] for each in places.suggestions(typed, moment())]

    assert offered("messages/orders?")[:4] == ["key=", "id=", "tag=", "where="]
    assert offered("m orders?w") == ["where=", "where=sql92: "]
    assert offered("m/orders?key=")[:2] == ["key=", "id="]  # nothing is said yet: it may be another one
    assert offered("m/orders?key=x") == []
    assert offered("m/orders?where=ta") == ["where=tags"]
    assert offered("m/orders?where=tags = 'A' and queue") == [
        "where=tags = 'A' and queueId", "where=tags = 'A' and queueOffset",
    ]  # fmt: skip
    assert offered("m/orders?where=tags = 'ta") == offered("m/orders?where=sql92: ta") == []
    assert not any(each.startswith("key=x&key") for each in offered("m/orders?key=x&"))
    assert places.suggestions("groups?x", moment()) == []


def test_a_name_is_that_of_one_screen() -> None:
    with pytest.raises(ValueError, match="two screens"):
        Catalogue([Place("a", ("b",), "A", OverviewScreen), Place("b", (), "B", OverviewScreen)])
