"""SQL92 expressions: what they say of properties, which texts are none, and where those are wrong. As Apache's evaluator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.filter.builder import MOST_NESTED
from rocketmq_ops.common.filter.errors import EvaluationError, ExpressionError
from rocketmq_ops.common.filter.expression import Expression
from rocketmq_ops.common.filter.parser import LONGEST, parse

ROOT = Path(__file__).resolve().parents[3]
MESSAGE = {
    "n": "5", "neg": "-3", "big": "3000000000", "f": "2.5", "s": "hello", "yes": "true", "YES": "TRUE", "quote": "it's",
    "nan": "NaN", "zero": "0", "minus_zero": "-0", "$a_1": "x", "blank": " 5 ", "hex": "0x1p3", "wide": "５",
}  # fmt: skip


def asked(text: str) -> bool | None:
    return parse(text).evaluate(MESSAGE)


@pytest.mark.parametrize(
    "text",
    [
        "n = 5", "n > 4", "n >= 5", "n < 6L", "n <= 5", "n <> 6", "s <> none", "5 = n", "4 < n", "neg = -3", "neg < 0", "n = +5",
        "big > 2147483648", "big = 3000000000", "f = 2.5", "f > 2.0", "2.4 < f", "f < 25e-1 OR f >= .25E1",
        "s = 'hello'", "quote = 'it''s'", "s <> 'x'", "s IN ('a', 'hello')", "s NOT IN ('a')",
        "s IN ('a','b','c','d','e','hello')", "s CONTAINS 'ell'", "s NOT CONTAINS 'x'", "s STARTSWITH 'he'",
        "s NOT STARTSWITH 'lo'", "s ENDSWITH 'lo'", "s NOT ENDSWITH 'he'", "n BETWEEN 5 AND 5", "n NOT BETWEEN 6 AND 7",
        "n BETWEEN 1.5 AND 9", "n BETWEEN 4.5 AND 5.5",
        "f BETWEEN 2.5 AND 2.5", "big BETWEEN 2147483648 AND 3000000000", "nan >= 1.5", "minus_zero < .5",
        "minus_zero > -.5", "NOT (nan BETWEEN 1.5 AND 2.5)", "none IS NULL", "n IS NOT NULL", "NULL IS NULL", "(n > 9) IS NOT NULL", "TRUE", "TRUE = TRUE",
        "yes = TRUE", "YES = true", "s = FALSE", "NOT FALSE", "not (n = 6)", "TRUE OR NULL", "NULL OR TRUE",
        "n = 5 AND s = 'hello'", "n = 6 OR n = 5", "TRUE AND (FALSE OR TRUE)", "$a_1 = 'x'", "none = missing",
        "n /* a * comment **/ = 5", "n = -- to the end\n 5", "n\t=\r\n5\f", "n=5AND s='hello'", "a = 1 IS NULL",
        "nan > 1.0", "nan > zero", "minus_zero < zero", "n >= blank", "hex > n", "wide = 5", "zero = minus_zero IS NOT NULL",
        "5 BETWEEN 1 AND 10", "((n)) = 5", "n = (5)", "-n IS NULL", "-'x' IS NULL", "(n = 5) = TRUE", "(n = 5) = (neg < 0)",
        "n BETWEEN 5 AND -5 IS NOT NULL", "f > - - 2.", "n > -9223372036854775807", "1 = 1L", "2 > 1.5", "1.5 <> 2",
    ],
)  # fmt: skip
def test_true(text: str) -> None:
    assert asked(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "n = 6", "n <> 5", "s = 'Hello'", "s", "NOT TRUE", "s = none", "s IN ('a')", "none CONTAINS 'x'",
        "none NOT CONTAINS 'x'", "s CONTAINS ''", "s NOT CONTAINS ''", "5 CONTAINS '5'", "5 NOT ENDSWITH '5'",
        "n IS NULL", "5 = TRUE", "(n = 5) = 7", "FALSE AND NULL", "NULL AND FALSE", "n BETWEEN 5 AND -5", "none = 1 AND FALSE",
        "nan < 1.5", "nan <= 1.5", "n BETWEEN 5.5 AND 6.5",
        "FALSE AND s > 5", "n = 5 AND n BETWEEN 6 AND 9", "1 = 2.5", "zero = minus_zero", "yes", "+s",
    ],
)  # fmt: skip
def test_false(text: str) -> None:
    assert asked(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "none = 1", "none > 1", "none <> 1", "none IN ('a')", "none NOT IN ('a')", "none", "NULL", "NOT NULL", "NOT none",
        "none = 'a' OR FALSE", "TRUE AND none = 'a'", "n > -'x'", "n > none", "none BETWEEN 1 AND 2", "-n = 5", "none = s",
    ],
)  # fmt: skip
def test_unknown(text: str) -> None:
    assert asked(text) is None
    assert not parse(text).matches(MESSAGE)


@pytest.mark.parametrize(
    "text",
    [
        "s > 5", "s = 5", "5 = s", "f = 2", "n = 5 AND s > 5", "s > 5 OR TRUE", "NOT (s > 5)", "s > n", "s >= quote",
        "big = 5", "big > 2147483647", "blank = 5", "(s > 5) IS NULL", "nan = 5", "hex = 8", "s = 1.5",
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_not_wanted(text: str) -> None:
    with pytest.raises(ValueError, match="of Java's"):
        asked(text)
    assert not parse(text).matches(MESSAGE)


@pytest.mark.parametrize("text", ["TRUE = s", "(n = 5) = s", "(n = 5) <> s"])
def test_conditions_and_texts_do_not_compare(text: str) -> None:
    with pytest.raises(EvaluationError, match="a condition cannot be compared with the text 'hello'"):
        asked(text)


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("", 0, "at its end: expected a property, a value or ("),
        ("a >", 3, "at its end: expected a property"),
        ("a = \"x\"", 4, "strings stand between single quotes"),
        ("a = 'x", 4, "a string that does not end"),
        ("a = /* x", 4, "a comment that does not end"),
        ("a.b = 1", 1, "expected a property (letters, digits, _ and $)"),
        ("价 = 1", 0, "expected a property (letters"),
        ("(a = 1", 6, "expected OR, )"),
        ("a IN (1)", 6, "expected a string"),
        ("a IN ('x' 'y')", 10, "expected ,, )"),
        ("a IS 5", 5, "expected NOT, NULL"),
        ("a NOT 5", 6, "expected BETWEEN, CONTAINS, ENDSWITH, IN, STARTSWITH"),
        ("a CONTAINS b", 11, "expected a string"),
        ("a BETWEEN 1 OR 2", 12, "expected AND"),
        ("a BETWEEN 5 AND 1", 2, "the first bound is above the second"),
        ("a BETWEEN 5.5 AND 1", 2, "the first bound is above the second"),
        ("a BETWEEN 'a' AND 'b'", 2, "texts are compared by = and <> alone"),
        ("a > 'x'", 2, "texts are compared by = and <> alone"),
        ("a > TRUE", 2, "are compared by = and <> alone"),
        ("a > 1 > 2", 6, "are compared by = and <> alone"),
        ("a = NULL", 2, "NULL cannot be compared, write IS NULL"),
        ("NULL <> a", 5, "NULL cannot be compared, write IS NULL"),
        ("TRUE = 5", 5, "TRUE and FALSE cannot be compared with a number or text"),
        ("5 IN ('a')", 2, "only a property can be IN a list"),
        ("5", 0, "must be a condition"),
        ("-a", 0, "must be a condition"),
        ("a = 1 AND 5", 6, "must be a condition"),
        ("NOT 'x'", 0, "must be a condition"),
        ("a = 9223372036854775808", 4, "the largest number is 9223372036854775807"),
        ("a = 0.0", 4, "must lie between 4.9E-324"),
        ("a = 1e999", 4, "must lie between 4.9E-324"),
        ("a = 1 \"", 6, "strings stand between single quotes"),
    ],
)  # fmt: skip
def test_what_is_no_expression_and_where(text: str, position: int, what: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    assert raised.value.position == position
    assert what in str(raised.value)
    assert str(raised.value).startswith("invalid SQL92 expression at ")


@pytest.mark.parametrize(
    ("text", "position", "met"),
    [
        ("n = 5 n = 6", 6, True), ("n = 5)", 5, True), ("n = 05", 5, False), ("n = 0x5", 5, False), ("n = 5 -- no end", 6, True),
        ("n = 5;", None, None), ("TRUE 'x", None, None), ("s = 'hello''' ", None, False), ("n = 5 -- end\n", None, True),
    ],
)  # fmt: skip
def test_what_follows_is_ignored_as_apache_does(text: str, position: int | None, met: bool | None) -> None:
    if met is None:
        with pytest.raises(ExpressionError):
            parse(text)
    else:
        expression = parse(text)
        assert (expression.ignored_from, expression.matches(MESSAGE)) == (position, met)


def test_long_chains_are_no_deeper_than_short_ones() -> None:
    assert asked(" OR ".join(["n = 6"] * 5000 + ["n = 5"])) is True
    assert asked(" AND ".join(["(n = 5)"] * 5000)) is True


def test_nesting_has_a_bound() -> None:
    most = MOST_NESTED - 2
    assert asked("NOT " * most + "(n = 5)") is (most % 2 == 0)
    with pytest.raises(ExpressionError, match=f"nested more than {MOST_NESTED} levels deep"):
        parse("NOT " * (MOST_NESTED + 1) + "(n = 5)")
    assert asked("(" * 5000 + "n = 5" + ")" * 5000) is True
    with pytest.raises(ExpressionError, match="levels deep"):
        parse("n = 5 OR (" * MOST_NESTED + "TRUE" + ")" * MOST_NESTED)
    assert asked("n = 6 OR (" * (most // 2) + "TRUE" + ")" * (most // 2)) is True


def test_length_has_a_bound() -> None:
    longest = "n = 5 OR " * ((LONGEST - 5) // 9) + "n = 6"
    assert asked(longest + " " * (LONGEST - len(longest))) is True
    with pytest.raises(ExpressionError, match=f"an expression has {LONGEST} characters at most"):
        parse(longest + " " * (LONGEST + 1 - len(longest)))
    assert asked("n = " + "-" * (LONGEST - 6) + "5") is True


@given(st.text(" \n'\"-/*=<>(),.+aAnN05eEl价", max_size=40) | st.text(max_size=20))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError as error:
        assert 0 <= error.position <= len(text)
    else:
        assert expression.matches(MESSAGE) in (True, False)


def test_a_text_is_parsed_once() -> None:
    assert isinstance(parse("n = 51"), Expression)
    assert parse("n = 51") is parse("n = 51")


def test_the_parse_table_is_that_of_the_grammar() -> None:
    pytest.importorskip("lark", reason="the table is made with lark, which the `dev` packages have")
    script = ROOT / "scripts" / "gen_sql_parser.py"
    ran = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
