"""What is typed behind the colon."""

from __future__ import annotations

import pytest

from rocketmq_ops.tui.catalogue import Catalogue, Place
from rocketmq_ops.tui.model.address import AddressError
from rocketmq_ops.tui.screens.overview import OverviewScreen
from tests.tui.fakes import moment

CATALOGUE = Catalogue(
    [
        Place("groups", ("g",), "Groups", OverviewScreen),
        Place("group", (), "Group", OverviewScreen, lambda moment: moment.groups),
        Place("topics", ("t",), "Topics", OverviewScreen),
    ]
)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("g", ":groups"),
        (":groups?sort=-lag", ":groups?sort=-lag"),
        ("group orders", ":group/orders"),
        ("group/%RETRY%orders", ":group/%RETRY%orders"),
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


def test_suggestions_begin_with_what_is_meant() -> None:
    assert CATALOGUE.suggestions("g", moment()) == ["groups", "group"]
    assert CATALOGUE.suggestions("group/0002", moment()) == ["group/group-00002"]
    assert len(CATALOGUE.suggestions("group ", moment(groups=100))) == 8
    assert CATALOGUE.suggestions("topics/x", moment()) == []


def test_a_name_is_that_of_one_screen() -> None:
    with pytest.raises(ValueError, match="two screens"):
        Catalogue([Place("a", ("b",), "A", OverviewScreen), Place("b", (), "B", OverviewScreen)])
