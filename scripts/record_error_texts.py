"""Records where Apache's sources say the texts of `mqadmin/explain/known_errors.py`.

The record is tests/golden/rocketmq/error-texts.json.

    python scripts/record_error_texts.py VERSION=FOLDER ...

A folder is an unpacked source tree of that version, oldest first. What is recorded is text -> class -> versions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rocketmq_ops.mqadmin.explain.known_errors import KNOWN

RECORD = Path(__file__).resolve().parent.parent / "tests" / "golden" / "rocketmq" / "error-texts.json"


def literals(source: str) -> list[str]:
    """What stands between quotes in Java, line by line."""
    return [part for line in source.splitlines() for part in line.replace('\\"', "").split('"')[1::2]]


def main(arguments: list[str]) -> int:
    """Write the record; 1 where a text stands in no class, or not in the one that is named."""
    found: dict[str, dict[str, list[str]]] = {text: {} for known in KNOWN for text in known.texts}
    for argument in arguments:
        version, _, folder = argument.partition("=")
        for path in sorted(Path(folder).rglob("*.java")):
            if "test" in path.parts or path.stem.endswith("Test"):
                continue
            source = path.read_text("utf-8", "replace")
            for text in found:
                if not all(piece in source for piece in text.split("…")):
                    continue
                if all(any(piece in literal for literal in literals(source)) for piece in text.split("…")):
                    versions = found[text].setdefault(path.stem, [])
                    if version not in versions:
                        versions.append(version)
    record = {text: {name: " ".join(versions) for name, versions in classes.items()} for text, classes in found.items()}
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")
    wrong = [
        f"{known.key}: {text!r} is in {sorted(found[text]) or 'no class'}, not in {known.where}"
        for known in KNOWN
        for text in known.texts
        if (known.where not in found[text] if text is known.texts[0] else not found[text])
    ]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
