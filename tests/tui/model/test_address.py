"""Addresses of screens are read as they are written."""

import pytest

from rocketmq_ops.tui.model.address import Address, AddressError, parse


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (Address("groups"), ":groups"),
        (Address("group", "orders-consumer"), ":group/orders-consumer"),
        (Address("topic", "%RETRY%orders"), ":topic/%RETRY%orders"),
        (Address("topic", "%abc"), ":topic/%25abc"),
        (Address("topic", "a b?c"), ":topic/a%20b%3Fc"),
        (Address("group", "订单，一\u3000"), ":group/订单，一%E3%80%80"),
        (Address("messages", "orders", (("key", "订单&"),)), ":messages/orders?key=订单%26"),
        (Address("messages", "orders", (("key", "a&b"), ("at", ""))), ":messages/orders?key=a%26b&at"),
    ],
)
def test_an_address_is_written_and_read(address, text):
    assert str(address) == text
    assert parse(text) == parse(text[1:]) == address


@pytest.mark.parametrize(
    ("typed", "options"),
    [
        ("key=a+b", (("key", "a+b"),)),
        ("key=a%20b", (("key", "a b"),)),
        ("key=100%", (("key", "100%"),)),
        ("all", (("all", ""),)),
        ("where=body ~ '^a+%20b' and tags = 'A'&follow=1", (("where", "body ~ '^a+%20b' and tags = 'A'"), ("follow", "1"))),
        ("where=body ~ 'a=1&b=2'&key=x", (("where", "body ~ 'a=1&b=2'"), ("key", "x"))),
        ("where=a='%41'", (("where", "a='%41'"),)),
        ("where=name = 'it's&tag=A", (("where", "name = 'it's"), ("tag", "A"))),
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_typed_behind_the_question_mark_is_meant_as_it_stands(typed, options):
    address = parse(f":messages/orders?{typed}")
    assert address.options == options
    assert parse(str(address)) == address
    assert parse(address.readable) == address


def test_an_address_is_shown_as_it_may_be_typed():
    condition = (("where", "tags = 'A' and body.n > 10"), ("follow", "1"))
    address = Address("messages", "orders", condition)
    assert address.readable == ":messages/orders?where=tags = 'A' and body.n > 10&follow=1"
    assert parse(address.readable) == address
    for odd in (Address("messages", "orders", (("key", "a&b"),)), Address("groups")):
        assert odd.readable == str(odd)


@pytest.mark.parametrize(
    ("address", "crumb"),
    [
        (Address("group", "orders-consumer"), "group/orders-consumer"),
        (Address("groups", "", (("sort", "-lag"),)), "groups?sort=-lag"),
        (Address("store", "/tmp/a/store"), "store /tmp/a/store"),
        (Address("record", "/tmp//a b", (("at", "0"),)), "record /tmp//a%20b?at=0"),
        (Address("store", "here"), "store/here"),
        (
            Address("message", "T1", (("broker", "b"), ("queue", "0"), ("offset", "940"), ("id", "0A" * 16))),
            "message/T1 b:0 @ 940",
        ),
        (
            Address("message", "T", (("broker", "b"), ("queue", "0"), ("offset", "9"), ("body", "hex"))),
            "message/T b:0 @ 9?body=hex",
        ),
        (Address("message", "T1", (("id", "0A"),)), "message/T1?id=0A"),
        (Address("messages", "T1", (("broker", "b"), ("queue", "0"))), "messages/T1?broker=b&queue=0"),
    ],
)
def test_in_the_path_an_address_is_read(address, crumb):
    assert address.crumb == crumb


@pytest.mark.parametrize("text", ["", ":", ":/x", ":no screen", "?a=b"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(AddressError, match="expected :screen or :screen/name"):
        parse(text)
