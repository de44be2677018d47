"""How a window of offsets is judged."""

import pytest

from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey, QueueWindow
from rocketmq_ops.housekeeping.lag import judge

QUEUE = QueueKey("orders", "broker-a", 0)


def window(committed, ends, members=1):
    count = len(ends)
    return GroupWindow(
        "group", [60_000 * run for run in range(count)], [members] * count, {QUEUE: QueueWindow(ends, committed)}
    )


@pytest.mark.parametrize(
    ("state", "committed", "ends"),
    [
        ("ok", [5, 5, 5], [5, 5, 5]),
        ("ok", [7], [7]),
        ("ok", [None], [0]),
        # On its way: at each run it has consumed what was there at the run before.
        ("ok", [99, 199, 299, 399, 499], [100, 200, 300, 400, 500]),
        # It was at the end within the window, and falls behind since.
        ("ok", [100, 150, 200, 250], [100, 200, 300, 400]),
        # Far behind, and getting nearer.
        ("ok", [100, 300, 500, 700], [5000, 5050, 5100, 5150]),
        # An old offset committed again at a rebalance, made up for since.
        ("ok", [100, 200, 150, 250, 350], [1000, 1000, 1000, 1000, 1000]),
        ("slow", [100, 150, 200, 250], [1000, 1100, 1200, 1300]),
        ("slow", [100, 200, 300], [1000, 1100, 1200]),
        ("stalled", [100, 100, 100, 100], [1000, 1000, 1000, 1000]),
        ("stopped", [100, 200, 200, 200, 200], [900, 1000, 1100, 1200, 1300]),
        ("rewound", [800, 900, 10, 60], [1000, 1000, 1000, 1000]),
        # Back to the beginning, although there was no lag before.
        ("rewound", [1000, 1000, 0, 60], [1000, 1000, 1000, 1000]),
        ("unknown", [100, 100], [1000, 1000]),
        ("unknown", [100, 100, 100, None], [1000, 1000, 1000, None]),
        ("unknown", [None, None, None], [10, 10, 10]),
        # It hangs at its first message: nothing was ever committed, while messages come.
        ("stalled", [None] * 5, [10, 11, 14, 14, 15]),
        ("stalled", [None] * 5, [0, 1, 1, 1, 1]),
        # The first commit may be on its way.
        ("unknown", [None] * 5, [10, 10, 10, 11, 12]),
        ("ok", [None, None, None, 14], [10, 11, 12, 14]),
        # It hangs at its first message, and saves what it began with.
        ("stalled", [None, None, None, None, 0], [0, 2, 4, 6, 8]),
        ("unknown", [None, None, None, None, 3], [0, 2, 4, 6, 8]),
        # The topic was made anew meanwhile.
        ("unknown", [None] * 6, [10, 20, 30, 40, 1, 1]),
        # Gaps are no offsets: neither 0 nor a rewind.
        ("ok", [100, None, 300, 500], [1000, None, 1100, 1150]),
        # The topic was made anew: what was before is of another queue.
        ("ok", [900, 900, 900, 40], [1000, 1000, 1000, 40]),
    ],
)
def test_states(state, committed, ends):
    verdict = judge(window(committed, ends))
    assert verdict.state == state, verdict.evidence
    assert verdict.evidence


def test_offset_0_that_is_saved_late_is_none_of_the_time_before_there_were_clients():
    late = window([None, None, None, None, 0], [2, 2, 4, 6, 8], members=1)
    assert judge(late).state == "stalled"
    late.members[:4] = [0, 0, 0, 0]
    assert judge(late).state == "unknown"
    assert late.queues[QUEUE].committed == [None, None, None, None, 0], "what was seen stays"


def test_what_comes_while_nobody_is_connected_is_nobody_s_yet():
    """Whoever comes first may begin at the end."""
    ends = [10, 20, 30, 40, 50]
    assert judge(window([None] * 5, ends, members=0)).state == "unknown"
    assert judge(window([None] * 5, ends, members=None)).state == "unknown"
    found = window([None] * 5, ends)
    found.members[:3] = [0, 0, 0]
    assert judge(found).state == "unknown"
    assert judge(window([None] * 5, ends)).evidence.endswith(
        "the group has committed no offset of it in 4 min, and 40 messages came meanwhile"
    )


def with_a_queue_that_was_never_committed(committed, ends, others):
    group = window(committed, ends)
    group.queues[QueueKey("orders", "broker-a", 1)] = QueueWindow(others, [None] * len(others))
    return group


def test_a_queue_without_an_offset_may_not_be_for_clients_that_choose_theirs():
    """As of DefaultMQPullConsumer, which pulls the queues that it likes: they are no worse off for all others."""
    ends = [10 + 10 * run for run in range(10)]
    verdict = judge(with_a_queue_that_was_never_committed(ends, ends, ends))
    assert verdict.state == "slow", verdict.evidence
    assert verdict.evidence.endswith(
        "the group has committed no offset of it in 9 min, and 90 messages came meanwhile; other queues of the group "
        "were consumed (1 of 2 queues is slow)"
    )
    hangs = with_a_queue_that_was_never_committed([10] * 10, [10] * 10, ends)
    assert judge(hangs).state == "stalled", "nothing of the group moves: its first message there holds it up"


@pytest.mark.parametrize("moves", [False, True], ids=["quiet", "moving"])
def test_clients_that_pull_by_themselves_may_have_chosen_other_queues(moves):
    """As of DefaultLitePullConsumer after `assign`: in the queues that it has, nothing may come for long."""
    ends = [10 + 10 * run for run in range(10)]
    own = ends if moves else [10] * 10
    group = with_a_queue_that_was_never_committed(own, own, ends)
    group.pulling = True
    verdict = judge(group)
    assert (verdict.state, verdict.lag) == ("unknown", None), verdict.evidence
    assert verdict.evidence.endswith(
        "the group has committed no offset of it; it ends at 100; its clients pull by themselves, and may have chosen "
        "other queues (1 of 2 queues is unknown)"
    )
    group.queues[QUEUE] = QueueWindow([1000] * 10, [10] * 10)
    assert judge(group).state == "stalled", "of this one it has an offset"


def test_the_first_commit_may_be_on_its_way_however_often_one_looks():
    """Clients commit 10 s after they start, and every 5 s from then on."""
    hasty = window([None] * 10, [10, *[11] * 9])
    hasty.times[:] = [60_000 + 2_000 * run for run in range(10)]
    assert judge(hasty).state == "stalled", "the message has been there for 16 s"
    hasty.times[:] = [0, *[60_000 + 1_800 * run for run in range(9)]]
    assert judge(hasty).state == "unknown", "for 14 s; when it came in the minute before that is not known"


def test_nobody_connected_is_offline_only_where_messages_wait():
    assert judge(window([100, 100, 100], [1000, 1000, 1000], members=0)).state == "offline"
    assert judge(window([100], [1000], members=0)).state == "offline"
    assert judge(window([100, 100, 100], [100, 100, 100], members=0)).state == "ok"
    # Somebody who does not say so consumes.
    assert judge(window([100, 200, 300], [1000, 1000, 1000], members=0)).state == "ok"
    assert judge(window([100, 100, 100], [1000, 1000, 1000], members=None)).state == "stalled"


def test_what_waits_is_written_as_in_tables():
    said = judge(window([100, 100, 100], [6_218, 6_218, 6_218])).evidence
    assert said.endswith("; 6,118 messages wait")
    said = judge(window([100, 200, 300], [1_100, 2_200, 3_300])).evidence
    assert "its lag went from 1,000 to 3,000 in" in said


def test_a_group_is_as_its_worst_queue_and_a_queue_that_is_gone_does_not_count():
    group = window([5, 5, 5], [5, 5, 5])
    group.queues[QueueKey("orders", "broker-a", 1)] = QueueWindow([10, 10, 10], [4, 4, 4])
    group.queues[QueueKey("deleted", "broker-a", 0)] = QueueWindow([10, 10, None], [4, 4, None])
    verdict = judge(group)
    assert (verdict.state, verdict.lag) == ("stalled", 6)
    assert "orders broker-a:1" in verdict.evidence
    assert [queue.queue_id for queue in verdict.queues] == [1, 0]


def turns(count, moving=3):
    """A consumer with one thread goes through its queues one after the other, and never to their ends."""
    committed = [
        [100 + 50 * sum(at % moving == queue for at in range(run)) for run in range(count)] for queue in range(moving)
    ]
    group = window(committed[0], [1000 + 90 * run for run in range(count)])
    for queue in range(1, moving):
        group.queues[QueueKey("orders", "broker-a", queue)] = QueueWindow(
            list(group.queues[QUEUE].ends), committed[queue]
        )
    return group


@pytest.mark.parametrize("count", [3, 4, 5, 10])
def test_queues_that_wait_for_their_turn_make_a_group_slow(count):
    verdict = judge(turns(count))
    assert verdict.state == "slow", verdict.evidence


def test_a_queue_that_stopped_after_all_others_did_has_stopped():
    group = turns(10)
    for columns in group.queues.values():
        columns.committed[4:] = [columns.committed[3]] * 6
    assert judge(group).state == "stopped"


def test_a_queue_that_never_moves_is_stalled_whatever_others_do():
    group = turns(10)
    group.queues[QUEUE].committed[:] = [100] * 10
    verdict = judge(group)
    assert (verdict.state, verdict.queues[0].queue_id) == ("stalled", 0)
    assert "(1 of 3 queues is stalled)" in verdict.evidence


def test_a_broker_that_did_not_answer_leaves_the_lag_unknown():
    group = window([5, 5, 5], [5, 5, 5])
    group.queues[QueueKey("orders", "broker-b", 0)] = QueueWindow([10, 10, None], [10, 10, None])
    verdict = judge(group)
    assert (verdict.state, verdict.lag) == ("unknown", None)
    assert judge(GroupWindow("group", [], [], {})).state == "unknown"
