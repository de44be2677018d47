"""What is typed behind the colon."""

from __future__ import annotations

import pytest

from rocketmq_ops.tui.catalogue import Catalogue, NeedsNameError, Place
from rocketmq_ops.tui.model.address import AddressError
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.screens.overview import OverviewScreen
from tests.tui.fakes import moment

CATALOGUE = Catalogue(
    [
        Place("groups", ("g",), "Groups", OverviewScreen),
        Place("group", (), "Group", OverviewScreen, lambda moment: moment.groups),
        Place("topics", ("t",), "Topics", OverviewScreen),
        Place("topic", (), "Topic", OverviewScreen, lambda moment: moment.topics, "topics"),
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
