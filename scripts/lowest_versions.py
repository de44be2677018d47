"""Print the lowest version of each package that pyproject.toml allows, as constraints for pip.

`PIP_CONSTRAINT=FILE python3 scripts/test.py` then tests with them, in an environment that is not there yet. What is
needed for development only (linters, type checker) is left to pip.
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def lowest(requirements: list[str]) -> list[str]:
    """`name==bound` for each requirement; ValueError for one without `>=`."""
    pins = []
    for requirement in requirements:
        if requirement.startswith("rocketmq-ops["):  # an extra of this project, which is among the requirements itself
            continue
        bounds, _, marker = requirement.partition(";")
        found = re.fullmatch(r"([\w.-]+)(?:.*,)?>=([\w.]+)(?:,.*)?", bounds.replace(" ", ""))
        if found is None:
            raise ValueError(f"'{requirement}' has no lower bound: write the lowest version that the tests pass with")
        pins.append(f"{found[1]}=={found[2]}" + (f"; {marker.strip()}" if marker else ""))
    return pins


def main() -> int:
    """Print the constraints."""
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    print("\n".join(lowest(project["dependencies"] + extras["tui"] + extras["test"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
