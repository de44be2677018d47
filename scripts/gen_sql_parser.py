"""Write the parse table of SQL92 expressions, `common/filter/parse_table.py`, from its grammar; `--check` compares.

The grammar is `common/filter/sql92.lark`. lark analyses it here, so that nothing that runs depends on lark: the
table is data, which `common/filter/parser.py` follows. Run it with the interpreter that has the project's `dev`
packages installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import generated
from lark import Lark
from lark.parsers.lalr_analysis import Reduce

ROOT = Path(__file__).resolve().parents[1]
GRAMMAR = ROOT / "common" / "filter" / "sql92.lark"
TABLE = ROOT / "common" / "filter" / "parse_table.py"

HEAD = '''\
"""The LALR(1) table of SQL92 expressions, written by `scripts/gen_sql_parser.py` from `common/filter/sql92.lark`."""
# fmt: off
# ruff: noqa: E501

from __future__ import annotations

from typing import Final

#: Of each rule: what it makes, of how many parts, and the method of the builder ("" hands on its only part).
RULES: Final[list[tuple[str, int, str]]] = [
'''
STATES = """\
]

#: What to do in each state with each token: shift to a state (0 and above) or reduce by the rule ~n; and the state
#: after a rule has made something, by its name.
STATES: Final[list[dict[str, int]]] = [
"""


def table() -> str:
    """The module's text."""
    parsed = Lark(GRAMMAR.read_text("utf-8"), parser="lalr", lexer="basic", maybe_placeholders=False).parser.parser
    analysed = parsed._parse_table  # lark gives it in no other way
    rules: list[tuple[str, int, str]] = []
    for actions in analysed.states.values():
        for kind, what in actions.values():
            if kind is Reduce:
                rules.append(_rule(what))
    rules = sorted(set(rules))
    numbers = {state: number for number, state in enumerate(_order(analysed.states, analysed.start_states["start"]))}
    lines = [HEAD, *(f"    {_quoted(rule)},\n" for rule in rules), STATES]
    for state in numbers:
        entries = {}
        for name, (kind, what) in analysed.states[state].items():
            entries[name] = ~rules.index(_rule(what)) if kind is Reduce else numbers[what]
        items = ", ".join(f'"{name}": {entries[name]}' for name in sorted(entries))
        lines.append(f"    {{{items}}},\n")
    lines.append("]\n\n#: The state in which the end of the text ends the expression.\n")
    lines.append(f"END_STATE: Final = {numbers[analysed.end_states['start']]}\n")
    return "".join(lines)


def _rule(rule) -> tuple[str, int, str]:  # type: ignore[no-untyped-def]
    return str(rule.origin.name), len(rule.expansion), rule.alias or ""


def _order(states: dict[int, dict[str, tuple[object, int]]], start: int) -> list[int]:
    """The states in the order in which they are reached from the start, the same whatever numbers lark gives them."""
    found = [start]
    for state in found:
        for name in sorted(states[state]):
            kind, to = states[state][name]
            if kind is not Reduce and to not in found:
                found.append(to)
    return found


def _quoted(rule: tuple[str, int, str]) -> str:
    return f'("{rule[0]}", {rule[1]}, "{rule[2]}")'


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {TABLE: table()}))
