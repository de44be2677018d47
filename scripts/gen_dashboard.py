"""Write the table of docs/dashboard.md that says what the dashboard asks; `--check` only compares.

Run it with the interpreter that has the project installed: `python scripts/gen_dashboard.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import generated

from rocketmq_ops.tui.model.periods import QUESTIONS, Question

PAGE = Path(__file__).parents[1] / "docs" / "dashboard.md"


def page(current: str) -> str:
    """The page with the table as it is declared now."""
    return generated.between(current, "questions", table())


def table() -> str:
    """A line for each question, and the sums for each kind of server."""
    lines = ["| question | asked | how often | requests a second | gives |", "|---|---|---|---|---|"]
    lines += [f"| {q.name} | each {q.server} | {_every(q)} | {_rate(q):.2f} | {q.gives} |" for q in QUESTIONS]
    sums = {
        "name server": sum(_rate(q) for q in QUESTIONS if q.server == "name server"),
        "slave": sum(_rate(q) for q in QUESTIONS if q.server == "broker"),
        "master": sum(_rate(q) for q in QUESTIONS if q.server in ("broker", "master")),
    }
    lines += [f"| **all together** | each {kind} | | **{rate:.2f}** | |" for kind, rate in sums.items()]
    return "\n".join(lines) + "\n"


def _every(question: Question) -> str:
    ms = question.period_ms
    return f"every {ms // 1000} s" if ms > 1000 else f"at most every {ms / 1000:g} s"


def _rate(question: Question) -> float:
    return question.requests * 1000 / question.period_ms


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {PAGE: page(PAGE.read_text("utf-8"))}))
