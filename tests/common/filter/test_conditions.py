"""Conditions on messages: what they are met by, and where a wrong one is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rocketmq_ops.common.filter import conditions


def message(body: bytes = b"", **properties: str) -> Any:
    """What a condition looks at."""
    return SimpleNamespace(
        body=body, properties=properties, tags=properties.get("TAGS"), keys=properties.get("KEYS", "").split(),
        msg_id="ID", queue_id=1, queue_offset=7, born_timestamp=1000, store_timestamp=2000, reconsume_times=0,
    )  # fmt: skip


ORDER = message(
    b'{"user": {"name": "Jo", "tags": ["x", "y"]}, "paid": true, "n": 12}', TAGS="A", KEYS="k1 k2", amount="12"
)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("tags = 'A'", True),
        ("tags = 'B' or keys ~ 'k2'", True),
        ("amount > 9", True),  # as numbers, not as texts
        ("amount > '9'", False),  # as texts
        ("amount >= 12 and amount <= 12.0 and amount <> 13 and not amount < 12", True),
        ("missing = 'x'", False),
        ("missing <> 'x'", False),  # null meets no comparison
        ("missing is null and amount is not null", True),
        ("not (missing > 1)", True),
        ("tags in ('B', 'A')", True),
        ("tags in ('B')", False),
        ("body.user.name = 'Jo' and body.user.tags.1 = 'y'", True),
        ("body.user.tags.2 = 'y'", False),
        ("body.paid = true and body.n = 12", True),
        ("body.paid = 'true'", True),
        ("body.n > 'x'", False),
        ("body ~ '\"n\": 1\\d'", True),
        ("queueOffset = 7 and queueId = 1 and msgId = 'ID' and bodyLength > 10", True),
        ("tags = 'it''s'", False),
        ("tags = 'A' or tags = 'B' and missing = 1", True),  # and binds first
        ("(tags = 'A' or tags = 'B') and missing = 1", False),
    ],
)
def test_conditions(text: str, met: bool) -> None:
    assert conditions.condition(text)(ORDER) is met


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("sql92: TAGS = 'A' AND amount BETWEEN 5 AND 12", True),
        ("  SQL92:amount > 11", True),
        ("sql92: tags = 'A'", False),  # a property of that name, which there is not
        ("sql92: amount > '9' OR TRUE", None),
        ("sql92: TAGS > 5", False),  # cannot be compared
        ("sql92: KEYS CONTAINS 'k2'", True),
    ],
)
def test_conditions_in_sql92(text: str, met: bool | None) -> None:
    if met is None:
        with pytest.raises(ValueError, match=r"invalid SQL92 expression at '> '9'"):
            conditions.condition(text)
    else:
        assert conditions.condition(text)(ORDER) is met


def test_a_body_that_is_no_json_meets_no_condition_on_its_values() -> None:
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        assert not conditions.condition("body.a = 1")(message(body))
        assert conditions.condition("body.a is null")(message(body))


@pytest.mark.parametrize(
    "text",
    ["", "tags", "tags =", "tags = A", "= 'A'", "tags = 'A", "tags = 'A' and", "(tags = 'A'", "tags = 'A')", "tags in ()",
     "tags ~ '('", "amount > true", "tags == 'A'", "tags = 'A' 'B'", "(" * 60 + "a = 1" + ")" * 60, "a ; b",
     "sql92: a >", "sql92:", "sql92: a = 1 b = 2"],
)  # fmt: skip
def test_wrong_conditions(text: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        conditions.condition(text)
