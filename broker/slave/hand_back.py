"""Fail-back of offsets: what consumers have committed to this slave is given to the master before its own are taken.

Apache's slave takes the offsets of a master that comes back, which are those from before it went: a consumer that
starts then gets everything again that its group has consumed from the slave. Here each commit that the slave has
noted (`own_commits.py`) and that is ahead of the master's is committed there by UPDATE_CONSUMER_OFFSET, which Apache's
masters take as well. It is not when

* the master is as far or further. Its consumers may be back and commit meanwhile: the master is asked again right
  before, and one of ours does not go back then either (FORWARD_ONLY). One of Apache's does: it is asked once more in
  the same breath as the commit, and gets back what it had by then and lost by it;
* the master has gone back since it was asked first, or a reset of it waits for the consumer
  (`useServerSideResetOffset`): the reset came later, and counts;
* the master does not have the group or the topic any more. A group that came into being on the slave it never had: it
  is made there first.

An offset goes no further than the end of the master's queue: a master that lost its last messages gives their offsets
to others, which must not be passed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator

from rocketmq_ops.broker.offset.consumer_offset_manager import OffsetTable
from rocketmq_ops.broker.slave.master_api import MasterApi, RefusedError
from rocketmq_ops.broker.slave.own_commits import OwnCommits
from rocketmq_ops.common.topics import topic_at_group
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.codes import ResponseCode

log = logging.getLogger(__name__)

#: Queues that are handed back at a time.
AT_ONCE = 64
#: Commits of a queue at most: consumers that commit just when a lost offset is given back are few.
_TRIES = 3

#: Topic, group, queue id and offset, and what the master has.
_Commit = tuple[tuple[str, str, int, int], int]

_GONE = (ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, ResponseCode.TOPIC_NOT_EXIST)


async def hand_back(
    master: MasterApi, own: OwnCommits, masters: OffsetTable, new_groups: Iterable[SubscriptionGroupConfig] = ()
) -> int:
    """Bring the master, whose offsets are `masters`, to what `own` has; how many queues it was behind in.

    `new_groups`: the groups that came into being here, which the master may have got meanwhile.
    `masters` gets what the master has afterwards, `own` keeps what came meanwhile and what the master refused for now.
    Raises RemotingError when the master goes away.
    """
    commits = [(commit, masters.get(topic_at_group(*commit[:2]), {}).get(commit[2], -1)) for commit in own]
    ahead = [(commit, has) for commit, has in commits if commit[3] > has]
    for commit, has in commits:
        if commit[3] <= has:
            own.settle(*commit)
    new = {config.group_name: config for config in new_groups}
    for batch in _batches(ahead, masters):
        results = await asyncio.gather(
            *(_one(master, *commit, has, new.get(commit[1])) for commit, has in batch), return_exceptions=True
        )
        for (commit, _), result in zip(batch, results, strict=True):
            if isinstance(result, int):
                topic, group, queue_id, _ = commit
                masters.setdefault(topic_at_group(topic, group), {})[queue_id] = result
            if not isinstance(result, BaseException):
                own.settle(*commit)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, RefusedError):
                raise result
    return len(ahead)


def _batches(ahead: list[_Commit], masters: OffsetTable) -> Iterator[list[_Commit]]:
    """What is sent together: at first one offset of each topic and group of which the master has none.

    Apache's masters lose one of two that come together then (ConsumerOffsetManager.commitOffset).
    """
    first: dict[str, _Commit] = {}
    rest = []
    for each in ahead:
        key = topic_at_group(*each[0][:2])
        if key in masters or key in first:
            rest.append(each)
        else:
            first[key] = each
    for part in (list(first.values()), rest):
        yield from (part[at : at + AT_ONCE] for at in range(0, len(part), AT_ONCE))


async def _one(
    master: MasterApi, topic: str, group: str, queue_id: int, offset: int, has: int, new: SubscriptionGroupConfig | None
) -> int | None:
    """The offset that the master, which had `has`, has now; None where it has no such group or topic. `new`: the group,
    if it came into being here.

    Raises RefusedError for a refusal that may be over later.
    """
    try:
        end = await master.max_offset(topic, queue_id)
        if end < offset:
            log.warning(
                "%s has consumed queue %d of %s to %d from this slave, but the master's queue ends at %d",
                group, queue_id, topic, offset, end,
            )  # fmt: skip
        now = await master.offset(group, topic, queue_id)
        if now < has:
            log.info("%s in queue %d of %s was reset at the master: that counts", group, queue_id, topic)
        if min(offset, end) <= now or now < has:
            return now
        try:
            now, kept = await _commit(master, group, topic, queue_id, min(offset, end), now)
        except RefusedError as error:
            if new is None or error.code != ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST:
                raise
            await master.make_group(new)
            now, kept = await _commit(master, group, topic, queue_id, min(offset, end), now)
    except RefusedError as error:
        log.warning("offset %d of %s in queue %d of %s is not handed back: %s", offset, group, queue_id, topic, error)
        if error.code in _GONE:
            return None
        raise
    if kept:
        log.info("%s in queue %d of %s keeps its offset at the master: %s", group, queue_id, topic, kept)
    return now


async def _commit(
    master: MasterApi, group: str, topic: str, queue_id: int, offset: int, before: int
) -> tuple[int, str]:
    """Commit `offset` where the master had `before`: what it has afterwards, and why it kept that, if it did.

    What the master got in between, from a consumer that is further or from a reset, counts: a question on the same
    connection, for whose answer the commit does not wait, sees it, and it is committed again. Only what comes within
    the µs between these two is not seen. Consumers of Apache's and ours commit all that they have every 5 s: they set
    it right then, unless they end before.
    """
    forward = True
    for _ in range(_TRIES):
        meanwhile, kept = await asyncio.gather(
            master.offset(group, topic, queue_id), master.commit(group, topic, queue_id, offset, forward=forward)
        )
        if kept:
            return meanwhile, kept
        # As far as the commit: this one, which was dealt with first, or a consumer's. Neither is lost.
        if meanwhile in (before, offset):
            return offset, ""
        has = await master.offset(group, topic, queue_id)
        if has != offset:
            return has, ""
        log.info("%s in queue %d of %s has come to %d at the master: that counts", group, queue_id, topic, meanwhile)
        before, offset, forward = offset, meanwhile, meanwhile > offset
    return offset, ""
