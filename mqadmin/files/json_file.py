"""Files that users hand to a command: a JSON list of objects, checked against the type of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.common.errors import CorruptDataError, NoSuchPathError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.mqadmin.errors import usage


def read_json(name: str) -> Any:
    """The content of a JSON file, as fastjson reads it.

    Raises NoSuchPathError for a file that is not there, and a usage error for what is not JSON.
    """
    path = Path(name)
    if not path.is_file():
        raise NoSuchPathError(f"there is no file {name}", "check the path")
    try:
        return loads(path.read_bytes())
    except CorruptDataError as error:
        raise usage(f"{name} is not JSON: {error}", "correct the file") from error


def read_objects(
    name: str, kind: type[msgspec.Struct], *, example: str, table: str | None = None
) -> list[dict[str, Any]]:
    """The objects of the list in a file, as they stand there, each checked against `kind` (unknown keys are refused).

    A document with a `table` of them by name, as an export writes it, is taken too. Raises what `read_json` does, and
    a usage error, with the place, for other content; `example` is an object of such a list.
    """
    found = read_json(name)
    if table is not None and isinstance(found, dict) and isinstance(found.get(table), dict):
        found = list(found[table].values())
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise usage(f"{name} holds no JSON list of objects", f"give a list, such as [{example}]")
    known = set(kind.__struct_encode_fields__)
    for place, item in enumerate(found):
        unknown = [key for key in item if key not in known]
        if unknown:
            from rocketmq_ops.common.nearest import nearest_name

            near = nearest_name(unknown[0], known)
            hint = f"did you mean '{near}'?" if near else f"known are {', '.join(sorted(known))}"
            raise usage(f"{name}: object {place + 1} has an unknown key '{unknown[0]}'", hint)
        try:
            msgspec.convert(item, kind)
        except msgspec.ValidationError as error:
            raise usage(f"{name}: object {place + 1}: {error}", "correct the file") from error
    return found
