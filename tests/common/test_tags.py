"""Tag expressions, read as Java's FilterAPI reads them."""

import pytest

from rocketmq_ops.common.tags import split_tags


@pytest.mark.parametrize(
    ("expression", "tags"),
    [
        (None, None), ("", None), ("*", None), (" * ", ["*"]), ("   ", []), (" || ", []), ("|| ", []),
        ("a", ["a"]), ("a||", ["a"]), ("||a", ["a"]), (" a || b||a", ["a", "b"]), ("a\u3000||b\xa0", ["a\u3000", "b\xa0"]),
        ("\ta\0", ["a"]), ("a|b", ["a|b"]),
    ],
)  # fmt: skip
def test_expressions(expression, tags):
    assert split_tags(expression) == tags


@pytest.mark.parametrize("expression", ["||", "||||"])
def test_a_lone_separator_is_refused(expression):
    with pytest.raises(ValueError, match="subString split error"):
        split_tags(expression)
