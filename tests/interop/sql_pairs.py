"""Pairs of SQL92 expression and properties, made from a seed: most are whole, some are damaged, and all say little."""

from __future__ import annotations

import random
from typing import Any

_NAMES = ("a", "b", "n", "s", "missing", "$x", "_y", "TAGS", "a1", "IsNull", "nothing")
_TEXTS = (
    "", "x", "y", "xy", "it''s", "true", "TRUE", "False", "5", "-5", "+5", "05", "5.0", "5L", "2147483647", "2147483648",
    "-9223372036854775808", "9223372036854775808", "1e3", "NaN", "-Infinity", "0", "-0", "0.0", "-0.0", "0x10", "0x1p3",
    " 5 ", "5d", "5F", ".5", "5.", "1_0", "华东", "１２", "😀", "a\nb", "--", "/*", "2.5", "3", "12", "1e400", "4.9e-324",
)  # fmt: skip
_NUMBERS = (
    "0", "1", "5", "12", "2.5", "5.0", ".5", "5.", "1e3", "1E-2", "2147483647", "2147483648", "9223372036854775807",
    "5L", "12l", "3000000000L", "25e-1", "1000", "0.1", "-5", "-2.5", "- 12", "-2147483648", "+5", "- - 5", "-9223372036854775807",
)  # fmt: skip
#: What Apache's parser refuses, or reads in a way of its own.
_ODD = (
    "0.0", "007", "0L", "0x1F", "9223372036854775808", "1e999", "1e-999", "5LL", "1.2.3", "a.b", "\"x\"", "NULL", "''", "价",
    "-'x'", "-TRUE", "+s", "-s", "#", "1e", "a-1", "-9223372036854775808", "''''",
)  # fmt: skip
_SIGNS = ("=", "<>", "<", "<=", ">", ">=", "=", "<>", "!=", "==")
_BLANKS = (" ", " ", " ", "  ", "\t", "\n", " /* c */ ", " /***/ ", " -- c\n ", " --c\r\n")


class Pairs:
    """A source of pairs; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pair(self) -> dict[str, Any]:
        """One pair."""
        return {"sql": self.expression(), "properties": self.properties()}

    def properties(self) -> dict[str, str]:
        pick = self._random
        names = [name for name in _NAMES[:-1] if name != "missing" and pick.random() < 0.75]
        return {name: pick.choice(_TEXTS).replace("''", "'") for name in names}

    def expression(self) -> str:
        words = self._condition(self._random.choice((1, 1, 2, 2, 3)))
        pick = self._random
        if pick.random() < 0.15:
            words = self._damaged(words)
        text = "".join(word + pick.choice(_BLANKS) for word in words[:-1]) + words[-1] if words else ""
        text = text if pick.random() < 0.8 else text.replace(" ", "")
        if pick.random() < 0.1:
            text = text.swapcase()
        return text + pick.choice(("", "", "", " ", " -- end", " -- end\n", " /* end */"))

    def _damaged(self, words: list[str]) -> list[str]:
        pick, words = self._random, list(words)
        at = pick.randrange(len(words))
        kind = pick.randrange(4)
        if kind == 0:
            del words[at]
        elif kind == 1:
            words.insert(
                at, pick.choice((*_ODD, "AND", "NOT", "IS", "(", ")", ",", "IN", "BETWEEN", "'", "CONTAINS", "5"))
            )
        elif kind == 2:
            words[at] = pick.choice((*_ODD, *_NAMES, "OR", "IS", "NULL"))
        else:
            words.append(pick.choice((")", "b = 1", "5", "'x'", '"', "NOT", "IS", "=", "'", "AND")))
        return words

    def _condition(self, depth: int) -> list[str]:
        pick = self._random
        if depth > 1:
            kind = pick.randrange(5)
            if kind == 0:
                return ["NOT", "(", *self._condition(depth - 1), ")"]
            left, right = self._condition(depth - 1), self._condition(depth - 1)
            if kind == 1:
                left = ["(", *left, ")"]
            if kind == 2:
                right = ["(", *right, ")"]
            return [*left, pick.choice(("AND", "OR")), *right]
        kind = pick.randrange(14)
        name = pick.choice(_NAMES)
        if kind < 5:
            return [self._operand(), pick.choice(_SIGNS), self._operand()]
        if kind == 5:
            return [name, *pick.choice((["IS", "NULL"], ["IS", "NOT", "NULL"]))]
        if kind in (6, 7):
            texts = [word for _ in range(pick.randint(1, 6)) for word in (self._text(), ",")]
            return [name, *pick.choice(([], ["NOT"])), "IN", "(", *texts[:-1], ")"]
        if kind in (8, 9):
            return [self._operand(), *pick.choice(([], ["NOT"])), "BETWEEN", self._number(), "AND", self._number()]
        if kind in (10, 11):
            word = pick.choice(("CONTAINS", "STARTSWITH", "ENDSWITH"))
            return [self._operand(), *pick.choice(([], ["NOT"])), word, self._text()]
        if kind == 12:
            return [pick.choice((*_NAMES, "TRUE", "FALSE", "NULL"))]
        inner = ["(", *self._condition(1), ")"]
        return [*inner, *pick.choice((["IS", "NULL"], ["=", self._operand()], ["<>", "TRUE"], ["=", *inner], ["> 5"]))]

    def _operand(self) -> str:
        pick = self._random
        kind = pick.randrange(10)
        if kind < 5:
            return pick.choice(_NAMES)
        if kind < 7:
            return self._number()
        if kind == 7:
            return pick.choice(("TRUE", "FALSE", "NULL", *_ODD))
        return self._text()

    def _number(self) -> str:
        pick = self._random
        return pick.choice(_NUMBERS) if pick.random() < 0.93 else pick.choice((*_ODD, *_NAMES, "'a'"))

    def _text(self) -> str:
        return f"'{self._random.choice(_TEXTS)}'"
