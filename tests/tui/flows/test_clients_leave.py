"""Clients of a group that leave while a broker is silent, or a slave."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.tui.model.moment import BrokerSeen
from rocketmq_ops.tui.model.table import Health
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_group_commands import online
from tests.tui.fakes import NOW_MS, FakeModel
from tests.tui.flows.driving import detail, press, rows, said, settled
from tests.tui.flows.test_kept import GROUP, drive, found, kill, parts, seen, two_brokers


@pytest.mark.parametrize("left", [(), ("c@1", "c@2")], ids=["nobody", "others"])
def test_a_client_stays_that_was_on_a_broker_alone_that_name_servers_do_not_list_any_more(
    left: tuple[str, ...],
) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        cluster["broker-b"].consumers[GROUP] = online("c@1", "c@2", "c@3")
        detail(pilot).ask()
        await press(pilot, "tab")
        assert [row[0] for row in rows(pilot)] == ["c@3", "c@1", "c@2"]
        kill(cluster, "broker-b", unlisted=True)
        if left:
            cluster["broker-a"].consumers[GROUP] = online(*left)
        else:
            del cluster["broker-a"].consumers[GROUP]
        model.turn(seen(two_brokers(), "broker-b", unlisted=True))
        detail(pilot)._admin = None  # what it holds of name servers is old
        detail(pilot).ask()
        await settled(pilot)
        stays = {row.cells[0]: row.stale_since for row in found(pilot)}
        assert stays == dict.fromkeys(left) | {"c@3": NOW_MS}
        assert "Clients ?" in said(pilot, "#facts")
        assert "connection refused" in said(pilot, "#note")

    drive(f":group/{GROUP}", flow)


def test_that_nobody_consumes_is_known_while_a_slave_is_dead_beside_its_master() -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        await press(pilot, "tab")
        assert len(rows(pilot)) == 2
        for broker in cluster.brokers.values():
            del broker.consumers[GROUP]
        now, at = seen(cluster), "10.1.0.9:10911"
        now.brokers[at] = BrokerSeen(
            address=at, cluster="C1", broker_name="broker-a", broker_id=1, failing_since=NOW_MS,
            failure=Failure(at, "connection refused", ""), health=Health.WARNING,
        )  # fmt: skip
        model.turn(now)
        detail(pilot).ask()
        await settled(pilot)
        assert (rows(pilot), parts(pilot)["clients"]) == ([], "?")
        assert f"no consumer of group '{GROUP}' is online" in said(pilot, "#note")

    drive(f":group/{GROUP}", flow)
