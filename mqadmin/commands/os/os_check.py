"""`mqadmin os check`: what the settings of a host are, and what a broker wants."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.housekeeping.host.changes import root_of
from rocketmq_ops.housekeeping.host.facts import HostFacts, facts_of
from rocketmq_ops.housekeeping.host.items import Item, items_of, store_place
from rocketmq_ops.housekeeping.host.root import Gap
from rocketmq_ops.housekeeping.host.rules import State
from rocketmq_ops.housekeeping.host.sizing import ApacheSizes, apache_sizes
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.lang import tr_heading, tr_message
from rocketmq_ops.mqadmin.options.housekeeping import BrokerStore, HostRoot
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of

#: What stands for a value of the host's where it has none.
_NO_VALUES = (*(gap.value for gap in Gap), "the host's")


class HostCheck(msgspec.Struct, rename="camel", kw_only=True):
    """`counts` is the number of items in each state; `apache` the sizes that `--for apache` asked for."""

    root: str
    facts: HostFacts
    counts: dict[str, int]
    items: list[Item]
    apache: ApacheSizes | None = None


@command(result=HostCheck, rows="items", name="id", offline=True, example="mqadmin os check")
async def os_check(
    run: Run,
    root: HostRoot | None = None,
    store: BrokerStore | None = None,
    wanted_for: Annotated[
        str | None,
        Opt(
            "--for",
            help="apache: also propose heap and direct memory of Apache's broker and name server here",
            parse=one_of("apache"),
            metavar="apache",
        ),
    ] = None,
) -> Outcome:
    """Changes nothing. An item is ok, to be changed, unknown, or not applicable (na) on this host.

    `mqadmin os script` is the same check for a host without Python; the columns of its `--format tsv` are fields here.
    """
    host = root_of(root)
    facts = facts_of(host)
    items = items_of(host, store_place(host, store), facts)
    counts = {state.value: sum(1 for item in items if item.state is state) for state in State}
    sizes = apache_sizes(facts) if wanted_for == "apache" else None
    data = HostCheck(root=host.path, facts=facts, counts=counts, items=items, apache=sizes)
    return Outcome(data=data, blocks=_blocks(data))


def _current(item: Item) -> str:
    """What is; where there is no value, why in the reader's language."""
    no_limit = item.current == "none" and item.id.startswith("cgroup.")
    return tr_message(item.current) if no_limit or item.current in _NO_VALUES else item.current


def _blocks(data: HostCheck) -> list[Table | str]:
    rows: list[list[Cell]] = [[item.state.value, item.id, _current(item), item.wanted] for item in data.items]
    table = Table(["#STATE", "#ID", "#CURRENT", "#WANTED"], rows, ours=("#STATE", "#WANTED", "#Why", "#Risk"))
    table.widen(data.items, "why", "source", "risk")
    counts = data.counts
    kind = ", ".join(
        tr_heading(name)
        for name, is_so in (("container", data.facts.container), ("virtual", data.facts.virtual))
        if is_so
    )
    blocks: list[Table | str] = [
        table,
        f"{counts['ok']} ok, {counts['change']} to change, {counts['unknown']} unknown, {counts['na']} not applicable"
        + (f" ({kind})" if kind else ""),
    ]
    reasons = [f"  {item.id}: {tr_message(item.why)}" for item in data.items if item.state is State.CHANGE]
    if reasons:
        blocks += ["why to change (`--output wide` adds sources and risks, `mqadmin os plan` shows how):", *reasons]
    if data.apache is not None:
        sizes = data.apache
        blocks += [
            "",
            f"of {sizes.memory} MiB: broker {sizes.broker_heap} heap + {sizes.broker_direct} direct, name server "
            f"{sizes.namesrv_heap} heap, {sizes.page_cache} left for the page cache",
            *sizes.lines,
        ]
    return blocks
