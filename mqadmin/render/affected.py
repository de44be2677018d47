"""How a plan says whom it touches: a table each of groups, clients and brokers."""

from __future__ import annotations

from rocketmq_ops.client.admin.affected import Affected, AffectedClient
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.mqadmin.render.outcome import Cell, Table

NOBODY = "no group reads what changes, and no client is connected"


def affected_blocks(found: Affected) -> list[Table | str]:
    """The tables that have rows; a line where nobody is touched, and one where that is not known whole."""
    tables = [_groups(found), _clients(found), _brokers(found)]
    blocks: list[Table | str] = []
    for table in tables:
        if table.rows:
            blocks += ["", table]
    if found.producers:
        blocks.append("(brokers do not record to which of their topics a producer sends)")
    if found.failures:
        silent = ", ".join(dict.fromkeys(failure.target for failure in found.failures))
        blocks += ["", f"the plan is partial: {silent} did not say who is connected and how far groups are behind"]
    elif not blocks and not found.notes:
        blocks += ["", NOBODY]
    return blocks


def _groups(found: Affected) -> Table:
    table = Table(["#Group", "#Topic", "#Lag", "#Lag Time", "#Consumers"], [])
    for group in found.groups:
        online = None if group.consumers is None else len(group.consumers)
        table.rows += [
            [
                group.group,
                each.topic,
                each.lag,
                None if each.lag_millis is None else human_span(each.lag_millis),
                online,
            ]
            for each in group.topics
        ]
        if not group.topics:
            table.rows.append([group.group, "", None, None, online])
    return table


def _clients(found: Affected) -> Table:
    rows: list[list[Cell]] = []
    for group in found.groups:
        rows += [_client("consumer", group.group, client) for client in group.consumers or ()]
    for producers in found.producers or ():
        rows += [_client("producer", producers.group, client) for client in producers.clients]
    return Table(["#Role", "#Group", "#Client Addr", "#Client Id", "#Language", "#Version"], rows, ours=["#Role"])


def _client(role: str, group: str, client: AffectedClient) -> list[Cell]:
    return [role, group, client.client_addr, client.client_id, client.language, client.version]


def _brokers(found: Affected) -> Table:
    columns = ["#Broker", "#Topics", "#Clients", "#Producers", "#Consumers"]
    return Table(columns, [[b.address, b.topics, b.clients, b.producers, b.consumers] for b in found.brokers])
