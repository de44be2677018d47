"""Tables of codes are to their users what an IntEnum is."""

import copy
import json
from enum import IntEnum

import pytest

from rocketmq_ops.common.code_table import CodeTable


class Fruit(CodeTable):
    """With a method, which is no member."""

    APPLE = 1
    PEAR = 20

    def doubled(self) -> int:
        return int(self) * 2


class Wanted(IntEnum):
    APPLE = 1
    PEAR = 20


@pytest.mark.parametrize("table", [Fruit, Wanted])
def test_it_has_the_interface_of_an_enumeration(table: type[Wanted]) -> None:
    assert [(each.name, each.value, type(each.value)) for each in table] == [("APPLE", 1, int), ("PEAR", 20, int)]
    assert (len(table), list(table.__members__), table(20) is table.PEAR) == (2, ["APPLE", "PEAR"], True)
    assert (str(table.PEAR), f"{table.PEAR}", f"{table.PEAR:>4}", json.dumps(table.PEAR)) == ("20", "20", "  20", "20")
    assert repr(table.PEAR) == f"<{table.__name__}.PEAR: 20>"
    assert {table.APPLE: "a"}[1] == "a"  # type: ignore[index]
    assert copy.copy(table.PEAR) == 20
    for number in (0, 2, "1"):
        with pytest.raises(ValueError, match=f"{number!r} is not a valid {table.__name__}"):
            table(number)


def test_a_method_is_no_member() -> None:
    assert Fruit(20).doubled() == 40
