"""`mqadmin store explain`: what a kind of finding means, and what no check can see."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.store.inspect.check.catalogue import CATALOGUE, UNDETECTABLE


class Explanation(msgspec.Struct, rename="camel", kw_only=True):
    """One kind of finding."""

    id: str
    severity: str
    title: str
    explanation: str
    action: str


class Explanations(msgspec.Struct, rename="camel", kw_only=True):
    """The kinds asked for, and what nothing on disk covers, so that no check can detect it."""

    kinds: list[Explanation]
    undetectable: list[str]


@command(result=Explanations, rows="kinds", offline=True, example="mqadmin store explain CL-TORN")
async def store_explain(
    run: Run, kind: Annotated[str | None, Opt("ID", help="a finding's id; without one, all are listed")] = None
) -> Outcome:
    """The severity is the usual one; a finding may say another where the case is lighter or graver."""
    if kind is not None and kind.upper() not in CATALOGUE:
        near = nearest_name(kind, CATALOGUE)
        raise usage(
            f"unknown finding '{kind}'",
            f"did you mean {near}?" if near else "`mqadmin store explain` without an id lists all",
        )
    chosen = list(CATALOGUE) if kind is None else [kind.upper()]
    kinds = [
        Explanation(id=name, severity=entry.severity.name.lower(), title=entry.title, explanation=entry.explanation,
                    action=entry.action)
        for name, entry in ((name, CATALOGUE[name]) for name in chosen)
    ]  # fmt: skip
    data = Explanations(kinds=kinds, undetectable=list(UNDETECTABLE) if kind is None else [])
    if kind is not None:
        one = kinds[0]
        blocks: list[Table | str] = [
            f"{one.id} ({tr_heading(one.severity)}): {tr_message(one.title)}",
            tr_message(one.explanation),
            tr_message(f"To do: {one.action}."),
        ]
    else:
        rows: list[list[Cell]] = [[k.id, k.severity.upper(), k.title] for k in kinds]
        blocks = [
            Table(["#ID", "#SEVERITY", "#TITLE"], rows, ours=("#SEVERITY", "#TITLE")),
            "not detectable, since nothing on disk covers it:",
        ]
        blocks += ["  " + tr_message(text) for text in UNDETECTABLE]
    return Outcome(data=data, blocks=blocks)
