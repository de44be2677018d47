"""Write the tables of docs/dashboard.md that say what the dashboard asks; `--check` only compares.

Run it with the interpreter that has the project installed: `python scripts/gen_dashboard.py`.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import generated

from rocketmq_ops.client.admin.fanout import DEFAULT_CONCURRENCY
from rocketmq_ops.client.admin.messages.message_scan import PULL_BATCH
from rocketmq_ops.tui.model.details import broker, client, dead_letters, group, looking, name_server, topic
from rocketmq_ops.tui.model.details.detail import EVERY
from rocketmq_ops.tui.model.details.pace import LEAST
from rocketmq_ops.tui.model.periods import HURRY_MS, IN_TURN, QUESTIONS, Question
from rocketmq_ops.tui.screens.messages import FOLLOW_SECONDS

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
    for name, made in (("questions", table), ("screens", screens), ("pulls", pulls)):
        current = generated.between(current, name, made())
    return current


def table() -> str:
    """A line for each question, and the sums for each kind of server."""
    lines = [
        "| question | asked | how often | requests a second | with `r` held down | gives |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {q.name} | each {q.server} | {_every(q)} | {_rate(q):.2f} | {_held(q):.2f} | {q.gives} |" for q in QUESTIONS
    ]
    kinds = {"name server": ("name server",), "slave": ("broker",), "master": ("broker", "master")}
    for kind, asked in kinds.items():
        own = [question for question in QUESTIONS if question.server in asked]
        rate, held = sum(map(_rate, own)), sum(map(_held, own))
        lines.append(f"| **all together** | each {kind} | | **{rate:.2f}** | **{held:.2f}** | |")
    return "\n".join(lines) + "\n"


def screens() -> str:
    """A line for each screen that asks again and again."""
    lines = [
        "| screen | a name server | each broker that has it | with `r` held down | more of them |",
        "|---|---|---|---|---|",
    ]
    for address, asks in SCREENS.items():
        more = []
        if asks.each_client:
            more.append(
                f"each broker {asks.each_client} for each further client, of {asks.most_clients} clients at most"
            )
        if asks.name_server_each_topic or asks.broker_each_topic:
            each = f"a name server {asks.name_server_each_topic} and each broker {asks.broker_each_topic}"
            more.append(f"{each} for each further topic")
        name_server = _often(asks.name_server, asks.name_server_every)
        held = f"{asks.name_server} and {asks.broker} every {LEAST:g} s"
        lines.append(f"| `{address}` | {name_server} | {_often(asks.broker)} | {held} | {'; '.join(more)} |")
    return "\n".join(lines) + "\n"


def pulls() -> str:
    """A line for each screen that reads messages. `tests/tui/flows/test_requests.py` counts them, and those of looks
    through long queues `tests/tui/model/details/test_looking.py`."""
    most, in_all, following = looking.MOST, looking.PULLS, looking.PULLS_FOLLOWING
    near, at_once = looking.FOLLOWING, DEFAULT_CONCURRENCY
    lines = {
        "`:messages/TOPIC`": f"{_pulls(most)} in all, and 1 more for each queue: {most} messages, shared out among the"
        " queues; `n` shows the next ones by as many",
        "… `?tag=`, `?where=`": f"{in_all} in all, shared out among the queues, of a topic with more queues 1 for each:"
        f" {in_all * PULL_BATCH:,} messages where each of them is read; a broker leaves out those of other tags, so"
        " that it goes through more of them in one pull. It stops when it has enough, and `n` looks on by as many",
        "… `?begin=`, `?end=`, `?from=`": "the same, and a search for each of the times, about 2 pulls for each"
        " doubling of the queue's length",
        "… while it follows": f"every {FOLLOW_SECONDS} s, not before the last look has its answer: with a tag or a"
        f" condition {_pulls(near)} for each queue ({near} messages), and {following} in all, of a topic with more"
        " queues 1 for each; else as above",
        "`:dead-letters/GROUP`": "those of `:messages`, of the topic of its dead letters; where `e` writes more than"
        f" what is shown, {dead_letters.EXPORT_PULLS:,} in all, one after the other",
        "`:message/TOPIC`": "1; besides, who has consumed it asks about each group that consumes the topic,"
        f" {at_once} groups at a time, and of each that may have given up on it each broker that has its dead letters;"
        " its trace is one query of each broker that has the topic of traces",
        "`:doctor`": "what its rules need, as `mqadmin doctor` asks for it: one kind after the other, of each"
        f" {at_once} servers, topics or groups at a time",
    }
    return "| screen | pulls a look |\n|---|---|\n" + "".join(f"| {at} | {text} |\n" for at, text in lines.items())


def _pulls(read: int) -> int:
    """Pulls by which so many messages of a queue are read, where brokers give all that is asked for."""
    return math.ceil(read / PULL_BATCH)


def _often(requests: int, every: int = EVERY) -> str:
    return f"{requests} every {every} s" if requests else ""


def _every(question: Question) -> str:
    ms = question.period_ms
    return f"every {ms // 1000} s" if ms > 1000 else f"at most every {ms / 1000:g} s"


def _rate(question: Question) -> float:
    return question.requests * 1000 / question.period_ms


def _held(question: Question) -> float:
    """What is asked for one group or topic after the other goes on as it does."""
    period_ms = question.period_ms if question in IN_TURN else min(question.period_ms, HURRY_MS)
    return question.requests * 1000 / period_ms


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {PAGE: page(PAGE.read_text("utf-8"))}))
