"""The mapping of static topics: how queues are shared out, what a move keeps, and which mappings are refused."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.client.admin.topics import static_mapping as mapping
from rocketmq_ops.client.errors import InvalidValueError
from rocketmq_ops.common.errors import RocketMQError

T = "Static"


def led(configs: mapping.Configs) -> dict[str, list[int]]:
    """Broker -> the logical queues that it leads."""
    found: dict[str, list[int]] = {name: [] for name in configs}
    for queue in mapping.logic_queues(T, configs).values():
        found[queue.broker_name].append(queue.queue_id)
    return found


def made(targets: list[str], total: int) -> mapping.Configs:
    return mapping.extended(T, {}, targets, total, 1000).broker_config_map


def test_a_new_topic_is_shared_out_evenly() -> None:
    wrapper = mapping.extended(T, {}, ["b", "a"], 5, 1000)
    assert led(wrapper.broker_config_map) == {"a": [0, 2, 4], "b": [1, 3]}
    assert (wrapper.type, wrapper.epoch) == ("CREATE_OR_UPDATE", 1000)
    a = wrapper.broker_config_map["a"]
    assert (a.write_queue_nums, a.read_queue_nums, a.perm) == (3, 3, 6)
    item = mapping.detail_of(wrapper.broker_config_map, "a").hosted_queues[2][0]
    assert (item.gen, item.queue_id, item.bname, item.logic_offset, item.end_offset) == (0, 1, "a", 0, -1)


def test_more_queues_go_where_the_fewest_are() -> None:
    before = made(["a"], 3)
    wrapper = mapping.extended(T, before, ["b"], 6, 500)
    assert led(wrapper.broker_config_map) == {"a": [0, 1, 2], "b": [3, 4, 5]}
    assert wrapper.epoch == 1000 + mapping.EPOCH_STEP  # the clock may stand behind the last change
    assert led(before) == {"a": [0, 1, 2]}, "what was read is not touched"
    for total in (1, 3):
        with pytest.raises(InvalidValueError, match="3 queues: nothing was changed"):
            mapping.extended(T, before, ["a"], total, 500)


def test_a_moved_queue_keeps_its_history() -> None:
    wrapper = mapping.remapped(T, made(["a"], 4), ["a", "b"], 5000)
    configs = wrapper.broker_config_map
    assert (wrapper.type, wrapper.broker_to_map_in, wrapper.broker_to_map_out) == ("REMAPPING", ["b"], ["a"])
    assert led(configs) == {"a": [0, 1], "b": [2, 3]}
    items = mapping.detail_of(configs, "b").hosted_queues[2]
    assert [(i.gen, i.bname, i.queue_id, i.logic_offset) for i in items] == [(0, "a", 2, 0), (1, "b", 0, -1)]
    assert mapping.detail_of(configs, "a").hosted_queues[2] == items
    assert configs["a"].write_queue_nums == 4, "what is stored there stays readable"
    assert {mapping.detail_of(configs, name).epoch for name in configs} == {5000}


def test_nothing_moves_when_all_is_where_it_shall_be() -> None:
    wrapper = mapping.remapped(T, made(["a", "b"], 5), ["b", "a"], 5000)
    assert (wrapper.broker_to_map_in, wrapper.broker_to_map_out) == ([], [])


@given(
    st.integers(1, 12),
    st.sets(st.sampled_from("abcde"), min_size=1),
    st.sets(st.sampled_from("abcde"), min_size=1),
)
def test_every_move_is_even_small_and_one_way(total: int, first: set[str], then: set[str]) -> None:
    before = made(sorted(first), total)
    wrapper = mapping.remapped(T, before, sorted(then), 5000)
    after = led(wrapper.broker_config_map)
    counts = [len(after.get(name, [])) for name in then]
    assert sum(counts) == total and max(counts) - min(counts) <= 1
    assert not set(wrapper.broker_to_map_in) & set(wrapper.broker_to_map_out)
    moved = sum(queue not in led(before).get(name, []) for name, queues in after.items() for queue in queues)
    needed = sum(max(len(after.get(name, [])) - len(led(before).get(name, [])), 0) for name in then)
    assert moved == needed


def test_brokers_of_the_cluster_know_the_mapping_too() -> None:
    wrapper = mapping.extended(T, {}, ["a"], 2, 1000)
    mapping.completed(wrapper, {"a", "b"})
    other = wrapper.broker_config_map["b"]
    detail = mapping.detail_of(wrapper.broker_config_map, "b")
    assert (other.write_queue_nums, detail.total_queues, detail.epoch, detail.hosted_queues) == (0, 2, 1000, {})


@pytest.mark.parametrize(("offset", "begin"), [(0, 10_000), (4999, 10_000), (5000, 20_000), (10_000, 20_000)])
def test_a_new_leader_begins_behind_the_old_one(offset: int, begin: int) -> None:
    """TopicQueueMappingUtils.blockSeqRoundUp with the block of RemappingStaticTopicSubCommand."""
    assert mapping.round_up(offset) == begin


def broken(change: str) -> mapping.Configs:
    configs = made(["a", "b"], 4)
    a, b = (mapping.detail_of(configs, name) for name in "ab")
    match change:
        case "epoch":
            b.epoch += 1
        case "dirty":
            b.dirty = True
        case "foreign":
            b.bname = "c"
        case "topic":
            b.topic = "Other"
        case "missing":
            del b.hosted_queues[1]
        case "twice":
            b.hosted_queues[0] = deepcopy(b.hosted_queues[1])
        case "shared":
            a.hosted_queues[0][0].queue_id = a.hosted_queues[2][0].queue_id
        case "beyond":
            a.hosted_queues[0][0].queue_id = 9
        case "negative":
            a.hosted_queues[0][0].gen = -1
        case "usual":
            configs["b"].mapping_detail = None
        case "reads":
            configs["b"].read_queue_nums = 1
    return configs


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("epoch", "others epoch 1000"),
        ("dirty", "marked dirty"),
        ("foreign", "b has the mapping of c"),
        ("topic", "the mapping of topic 'Other'"),
        ("missing", "no broker leads queue 1"),
        ("twice", "queue 0 is led by a and by b"),
        ("shared", "queues 0 and 2 are both in queue 1 of a"),
        ("beyond", "a has no queue 9"),
        ("negative", "queue 0 has an item with a negative number"),
        ("usual", "on b as a usual topic"),
        ("reads", "b has fewer read than write queues"),
    ],
)
def test_what_is_not_consistent_is_not_changed(change: str, said: str) -> None:
    for change_it in (
        lambda configs: mapping.extended(T, configs, ["a"], 9, 5000),
        lambda configs: mapping.remapped(T, configs, ["a"], 5000),
    ):
        with pytest.raises(RocketMQError, match=said):
            change_it(broken(change))
