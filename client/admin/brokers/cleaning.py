"""Having brokers delete now what has expired or belongs to nothing, instead of at their own times.

Mirrors cleanExpiredConsumerQueue, cleanUnusedTopic and deleteExpiredCommitLog of DefaultMQAdminExt. Its answer for a
cluster is that of the last broker asked; here each broker has its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change, ChangingResult, State
from rocketmq_ops.client.api import servers
from rocketmq_ops.client.errors import NoBrokerError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.remoting.codes import RequestCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin


class Cleaning(StrEnum):
    """What a broker can be asked to delete."""

    EXPIRED_QUEUES = "expiredConsumeQueues"
    UNUSED_TOPICS = "unusedTopics"
    EXPIRED_LOG = "expiredCommitLog"


_CODE = {
    Cleaning.EXPIRED_QUEUES: RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE,
    Cleaning.UNUSED_TOPICS: RequestCode.CLEAN_UNUSED_TOPIC,
    Cleaning.EXPIRED_LOG: RequestCode.DELETE_EXPIRED_COMMITLOG,
}


class CleanedBroker(msgspec.Struct, rename="camel", kw_only=True):
    """One broker that was (or would be) asked.

    `state` accepted: it said that it does so. `commitLogMinOffset...`: the first byte of its commitlog before and
    right after it; null where it is unknown.
    """

    cluster: str | None
    broker_name: str | None
    broker_id: int | None
    address: str
    state: Literal["planned", "accepted"]
    commit_log_min_offset_before: int | None = None
    commit_log_min_offset_after: int | None = None


class CleaningReport(ChangingResult):
    """What was asked of which brokers; those that failed are in `failures` alone."""

    cleaning: Cleaning
    planned: bool
    brokers: list[CleanedBroker]
    failures: list[Failure] = []

    def as_changes(self) -> list[Change]:
        """One for each broker. What it deletes it does not say."""
        return [
            Change(broker.address, "cleaning", str(self.cleaning), "delete", _STATE[broker.state])
            for broker in self.brokers
        ]


_STATE: dict[str, State] = {"planned": "planned", "accepted": "unverified"}


async def clean(
    admin: MQAdmin, cleaning: Cleaning, *, broker_addr: str | None, cluster: str | None, plan: bool
) -> CleaningReport:
    """Ask one broker, or every broker (masters and slaves) of a cluster or of all clusters.

    Raises NotFoundError for an unknown cluster or when there is no broker, AllFailedError when none does it.
    """
    if broker_addr is not None:
        brokers = [await admin.cluster.by_address(broker_addr)]
    else:
        brokers = await admin.cluster.brokers(cluster)
    if not brokers:
        raise NoBrokerError("nothing is there to clean")

    async def one(broker: BrokerAddress) -> CleanedBroker:
        found = CleanedBroker(
            cluster=broker.cluster,
            broker_name=broker.broker_name,
            broker_id=broker.broker_id,
            address=broker.address,
            state="planned",
            commit_log_min_offset_before=await _min_offset(admin, broker),
        )
        if plan:
            return found
        await servers.clean(admin.session, broker.address, _CODE[cleaning])
        found.state = "accepted"
        try:
            found.commit_log_min_offset_after = await _min_offset(admin, broker)
        except RocketMQError:
            found.commit_log_min_offset_after = None
        return found

    fan = await admin.fan_out(brokers, one)
    fan.require_some("cleaning")
    return CleaningReport(cleaning, plan, list(fan.answers.values()), fan.failures)


async def _min_offset(admin: MQAdmin, broker: BrokerAddress) -> int | None:
    text = (await admin.cluster.runtime(broker.address)).get("commitLogMinOffset", "")
    return int(text) if text.isdecimal() else None
