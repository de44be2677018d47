"""Write the tables of docs/dashboard.md that say what the dashboard asks; `--check` only compares.

Run it with the interpreter that has the project installed: `python scripts/gen_dashboard.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import generated

from rocketmq_ops.tui.model.details import broker, client, group, name_server, topic
from rocketmq_ops.tui.model.details.detail import EVERY
from rocketmq_ops.tui.model.periods import QUESTIONS, Question

PAGE = Path(__file__).parents[1] / "docs" / "dashboard.md"
#: Those that ask again and again, by their addresses.
SCREENS = {
    ":group/NAME": group.ASKS,
    ":topic/NAME": topic.ASKS,
    ":client/ID": client.ASKS,
    ":broker/NAME": broker.ASKS,
    ":name-server/ADDRESS": name_server.ASKS,
}


def page(current: str) -> str:
    """The page with the tables as they are declared now."""
    return generated.between(generated.between(current, "questions", table()), "screens", screens())


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


def screens() -> str:
    """A line for each screen that asks again and again."""
    lines = ["| screen | a name server | each broker that has it | more of them |", "|---|---|---|---|"]
    for address, asks in SCREENS.items():
        more = []
        if asks.each_client:
            more.append(f"each broker {asks.each_client} for each further client")
        if asks.name_server_each_topic or asks.broker_each_topic:
            each = f"a name server {asks.name_server_each_topic} and each broker {asks.broker_each_topic}"
            more.append(f"{each} for each further topic")
        name_server = _often(asks.name_server, asks.name_server_every)
        lines.append(f"| `{address}` | {name_server} | {_often(asks.broker)} | {'; '.join(more)} |")
    return "\n".join(lines) + "\n"


def _often(requests: int, every: int = EVERY) -> str:
    return f"{requests} every {every} s" if requests else ""


def _every(question: Question) -> str:
    ms = question.period_ms
    return f"every {ms // 1000} s" if ms > 1000 else f"at most every {ms / 1000:g} s"


def _rate(question: Question) -> float:
    return question.requests * 1000 / question.period_ms


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {PAGE: page(PAGE.read_text("utf-8"))}))
