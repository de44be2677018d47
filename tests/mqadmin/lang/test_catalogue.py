"""Matching a finished text back to the key that it was made from."""

from __future__ import annotations

import pytest

from rocketmq_ops.mqadmin.lang.catalogue import Catalogue, fields_of, template_of

KNOWN = Catalogue(
    {
        "no brokers": "没有 Broker",
        "no route for topic '{topic}'": "没有 topic '{topic}' 的路由",
        "cannot read {path}: {error}": "无法读取 {path}：{error}",
        "not a number": "不是数字",
        "{what} failed on all {count} servers: {listed}": "{what}在全部 {count} 台服务器上失败：{listed}",
        "would {action} {kind} {name} on {target}": "将在 {target} 上{action!t} {kind} {name}",
        "would {action} {kind} {count}": "将 {action!t} {kind!t} {count}个",
        "queue {queue} has messages: {told}": "队列 {queue} 中有消息：{told}",
        "{count} unread by {group}": "{group} 有 {count} 条未读",
        "change of {name} on {target}": "{target} 上 {name} 的变更",
        "{few} files; {all} there in all": "{few} 个文件；共有 {all} 个",
        "create": "创建",
        "group": "消费组",
        "expected {{name}}, got {text}": "应为 {{name}}，得到 {text}",
        "{count} files there": "那里有 {count} 个文件",
        "{count} broken files there": "那里有 {count} 个损坏的文件",
        "{first} of {second} of {third} done": "{third} 中的 {second} 中的 {first} 已完成",
        " ({alike} of {queues} are {state})": "（{queues} 中有 {alike} 个为{state!t}）",
        "; as of {time}": "；截至 {time}",
        "  in a line": "  在一行中",
        ", fenced": "，已隔离",
        "{table} has {columns}": "{table} 有 {columns}",
        "offset {committed} has not moved for {length}; {waits}": "位点 {committed} 已 {length} 没有移动；{waits}",
    }
)


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("no brokers", "没有 Broker"),
        ("no route for topic 'a b'", "没有 topic 'a b' 的路由"),
        ("no route for topic ''", "没有 topic '' 的路由"),
        ("expected {name}, got {x}", "应为 {name}，得到 {x}"),
        ("3 files there", "那里有 3 个文件"),
        ("3 broken files there", "那里有 3 个损坏的文件"),
        ("1 of 2 of 3 done", "3 中的 2 中的 1 已完成"),
        ("nobody knows this", "nobody knows this"),
        ("no route for topic 'T", "no route for topic 'T"),
    ],
)
def test_a_text_as_a_whole(text: str, translated: str) -> None:
    assert KNOWN.line(text) == translated
    assert KNOWN.message(text) == translated


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("cannot read /x: not a number", "无法读取 /x：不是数字"),
        ("10.0.0.1:9876: no brokers", "10.0.0.1:9876: 没有 Broker"),
        ("no brokers; 3 files there", "没有 Broker；那里有 3 个文件"),
        ("no brokers\n  and nobody knows this", "没有 Broker\n  and nobody knows this"),
        (
            "x failed on all 2 servers: a:1: no brokers; b:1: not a number",
            "x 在全部 2 台服务器上失败：a:1: 没有 Broker；b:1: 不是数字",
        ),
        ("unknown: words; too", "unknown: words; too"),
        (
            "change of A on a:1, change of B on a:1: not a number",
            "a:1 上 A 的变更，a:1 上 B 的变更: 不是数字",
        ),
        ("a:1: queue 2 has messages: 7 unread by G", "a:1: 队列 2 中有消息：G 有 7 条未读"),
        ("T a:0: 3 files; 4 there in all", "T a:0: 3 个文件；共有 4 个"),
        (
            "a:1: queue 2 has messages: 7 unread by G; b:1: queue 3 has messages: 8 unread by G, 9 unread by H",
            "a:1: 队列 2 中有消息：G 有 7 条未读；b:1: 队列 3 中有消息：G 有 8 条未读，H 有 9 条未读",
        ),
        ("change of T on a:1: no brokers", "a:1 上 T 的变更: 没有 Broker"),
        ("3 files there, no brokers", "那里有 3 个文件，没有 Broker"),
        ("cannot read /x: 3 files there, not a number", "无法读取 /x：那里有 3 个文件，不是数字"),
        ("expected {name}, got no brokers", "应为 {name}，得到没有 Broker"),
        ("cannot read /x: create, create", "无法读取 /x：create, create"),
        # not by the key of a few characters that fits to all of it
        ("T b:1: offset 5 has not moved for 20 s; no brokers", "T b:1: 位点 5 已 20 s 没有移动；没有 Broker"),
        ("cannot read /x: no brokers, 3 trees there", "无法读取 /x：no brokers, 3 trees there"),
        (
            "no brokers; cannot read /x: 3 files there; not a number",
            "没有 Broker；无法读取 /x：那里有 3 个文件；不是数字",
        ),
    ],
)
def test_the_parts_of_a_message(text: str, translated: str) -> None:
    assert KNOWN.message(text) == translated


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("3 files there (2 of 4 are group)", "那里有 3 个文件（4 中有 2 个为消费组）"),
        ("no brokers; 3 files there (2 of 4 are x)", "没有 Broker；那里有 3 个文件（4 中有 2 个为 x）"),
        ("a:1: no brokers (2 of 4 are group)", "a:1: 没有 Broker（4 中有 2 个为消费组）"),
        ("no brokers; as of 12:00", "没有 Broker；截至 12:00"),
        ("nobody knows this (2 of 4 are group)", "nobody knows this (2 of 4 are group)"),
        (" (2 of 4 are group)", "（4 中有 2 个为消费组）"),
        ("no brokers  in a line", "no brokers  in a line"),
        ("3 files there, fenced", "那里有 3 个文件，已隔离"),
    ],
)
def test_what_is_put_behind_a_message(text: str, translated: str) -> None:
    assert KNOWN.message(text) == translated


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("1,234 files there", "那里有 1,234 个文件"),
        ("1.2k files there", "那里有 1.2k 个文件"),
        ("all files there", None),
    ],
)
def test_a_key_that_begins_with_a_count_begins_with_a_number(text: str, translated: str | None) -> None:
    assert KNOWN.line(text) == (translated or text)


def test_a_line_keeps_what_users_stored() -> None:
    assert KNOWN.line("cannot read /x: not a number") == "无法读取 /x：not a number"
    assert KNOWN.line("body: no brokers") == "body: no brokers"


def test_one_word_of_a_result_is_a_name() -> None:
    assert (KNOWN.line("create"), KNOWN.word("create")) == ("create", "创建")


def test_a_word_is_a_name_unless_the_translation_says_otherwise() -> None:
    assert KNOWN.line("would create topic create on b") == "将在 b 上创建 topic create"


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("would create group 3", "将创建消费组 3 个"),
        ("would create topic 3", "将创建 topic 3 个"),
        ("would rename topic 3", "将 rename topic 3 个"),
        ("would rename group all", "将 rename 消费组 all 个"),
        ("would create group 全部", "将创建消费组全部个"),
        ("cannot read /x: 3 files there", "无法读取 /x：那里有 3 个文件"),
    ],
)
def test_a_blank_stands_between_chinese_and_latin_only(text: str, translated: str) -> None:
    assert KNOWN.message(text) == translated


def test_of_two_keys_that_fit_alike_the_one_that_begins_first_is_taken() -> None:
    """Whatever order a set of words has in this process."""
    known = Catalogue(
        {"[NOTIFY] group {group}: {said}": "[NOTIFY] 组 {group}：{said!t}", "{a} of the topic {b}": "{b} 的 {a}"}
    )
    assert known.line("[NOTIFY] group G: queue 1 of the topic T") == "[NOTIFY] 组 G：T 的 queue 1"


def test_what_is_longer_than_any_message_is_data() -> None:
    text = f"no route for topic '{'x' * 10_000}'"
    assert KNOWN.message(text) == text


def test_fields_and_literal_braces() -> None:
    assert fields_of("{{a}} {b} {c!t} { d }") == ["b", "c"]
    assert template_of("{{a}} {b}", "").pieces == ("{a} ", "")
