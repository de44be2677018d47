"""`--query`: a JMESPath expression over `data` of the document. Loaded, with the library, when it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jmespath
import msgspec
from jmespath.exceptions import EmptyExpressionError, JMESPathError, ParseError

from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.render.output import csv_cell, csv_text, name_column, names_text, width_of

Query = Callable[[Any], Any]


def compiled(text: str) -> Query:
    """The function that an expression is. Raises ValueError with the place where it is broken."""
    try:
        expression = jmespath.compile(text)
    except EmptyExpressionError as error:
        raise ValueError("invalid query: it is empty") from error
    except ParseError as error:
        at = min(max(error.lex_position or 0, 0), len(text))
        what = f"unexpected {error.token_value!r}" if at < len(text) and error.token_value else "it ends too early"
        where = " " * width_of(text[:at])
        raise ValueError(f"invalid query: {what} at character {at + 1}:\n  {text}\n  {where}^") from error
    except JMESPathError as error:
        raise ValueError(f"invalid query: {error}") from error

    def ask(data: Any) -> Any:
        try:
            return expression.search(data)
        except JMESPathError as error:
            raise usage(
                f"the query cannot be applied to the result: {error}",
                "see `mqadmin help COMMAND` for its data, or look at it with --output json",
            ) from error

    return ask


def queried_text(data: msgspec.Struct, query: Query, form: str) -> str:
    """What the query yields, in this form: `table`, which nobody has to ask for, means JSON."""
    found = query(msgspec.to_builtins(data, str_keys=True))
    if form in ("json", "table"):
        return msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
    if form == "yaml":
        import yaml

        return str(yaml.safe_dump(found, sort_keys=False, allow_unicode=True))
    rows = _rows(found)
    if form == "jsonl":
        return "".join(msgspec.json.encode(row).decode() + "\n" for row in rows)
    columns = list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row)) or ["value"]
    if form == "name":
        return names_text(name_column(columns), [_first(row) for row in rows])
    return csv_text(columns, [row if isinstance(row, dict) else {columns[0]: _scalar(row)} for row in rows])


def _rows(found: Any) -> Sequence[Any]:
    """A list is rows; any other value is one, null is none."""
    return found if isinstance(found, list) else [] if found is None else [found]


def _first(row: Any) -> Any:
    """The name of a row that is a list: its first item."""
    return row[0] if isinstance(row, list) and row else row


def _scalar(value: Any) -> Any:
    return csv_cell(value) if isinstance(value, list) else value
