"""SQL92 expressions: microseconds of CPU to ask one of a message's properties, and to parse it. No network, no store."""

from __future__ import annotations

import argparse
import statistics
import time
import timeit

from rocketmq_ops.common.filter.parser import _parsed, parse

PROPERTIES = {"amount": "500", "region": "华东", "TAGS": "TagA", "KEYS": "order-1", "rate": "0.25"}
EXPRESSIONS = (
    "amount > 100",
    "amount = 500",
    "region = '华东'",
    "TAGS IN ('TagA', 'TagB')",
    "KEYS CONTAINS 'order'",
    "rate < 0.5",
    "missing IS NULL",
    "amount BETWEEN 100 AND 900",
    "region = '华东' AND amount BETWEEN 100 AND 900",
    "TAGS = 'TagA' OR TAGS = 'TagB' OR NOT (amount < 100)",
)


def main() -> None:
    """Print a markdown table: the median of the rounds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--times", type=int, default=100_000, help="questions a round")
    given = options.parse_args()
    print("| expression | µs a message | µs to parse |\n|---|---|---|")
    for text in EXPRESSIONS:
        matches = parse(text).matches
        asked = timeit.Timer(
            "matches(properties)", timer=time.process_time, globals={"matches": matches, "properties": PROPERTIES}
        )
        parsed = timeit.Timer("parse(text)", timer=time.process_time, globals={"parse": _parsed, "text": text})
        ask = statistics.median(asked.repeat(given.rounds, given.times)) / given.times * 1e6
        read = statistics.median(parsed.repeat(given.rounds, 200)) / 200 * 1e6
        print(f"| `{text}` | {ask:.2f} | {read:.0f} |")


if __name__ == "__main__":
    main()
