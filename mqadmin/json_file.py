"""Files that users hand to a command: a JSON list of objects, checked against the type of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops.common.errors import CorruptDataError, NoSuchPathError
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.mqadmin.errors import usage


def read_objects(name: str, kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """The objects of the list in a file, as they stand there, each checked against `kind` (unknown keys are refused).

    Raises NoSuchPathError for a file that is not there, and a usage error, with the place, for other content.
    """
    path = Path(name)
    if not path.is_file():
        raise NoSuchPathError(f"there is no file {name}", "check the path")
    try:
        found = loads(path.read_bytes())
    except CorruptDataError as error:
        raise usage(f"{name} is not JSON: {error}", "give a JSON list of objects") from error
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise usage(f"{name} holds no JSON list of objects", 'give a list, such as [{"groupName": "G"}]')
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
