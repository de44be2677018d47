"""Parsing of option values."""

from __future__ import annotations

from datetime import datetime

import pytest

from rocketmq_ops.mqadmin import values
from rocketmq_ops.mqadmin.registry import snake_case


def test_times() -> None:
    assert values.timestamp_or_end("-1") == -1
    assert values.timestamp("1795246594074") == 1795246594074
    moment = int(datetime(2026, 11, 21, 7, 36, 34).timestamp()) * 1000
    assert values.timestamp("2026-11-21#07:36:34:074") == moment + 74
    assert values.timestamp("2026-11-21 07:36:34") == moment
    assert values.human_time(moment + 74) == "2026-11-21 07:36:34,074"
    assert abs(values.timestamp("now") - datetime.now().timestamp() * 1000) < 60_000
    for text in ("2026-13-01#00:00:00:000", "tomorrow", "", "-3600000", "-1h", str(1 << 63), "\u0661"):
        with pytest.raises(ValueError, match="invalid"):
            values.timestamp(text)
        with pytest.raises(ValueError, match="invalid"):
            values.timestamp_or_end(text)
    with pytest.raises(ValueError, match="invalid time '-1'"):
        values.timestamp("-1")


def test_booleans_and_numbers() -> None:
    assert (values.boolean("true"), values.boolean("FALSE")) == (True, False)
    assert (values.permission("6"), values.permission("rw"), values.permission("W")) == (6, 6, 2)
    assert (values.natural("0"), values.positive("1"), values.integer("-7")) == (0, 1, -7)
    for parse, text in (
        (values.boolean, "1"),
        (values.permission, "9"),
        (values.permission, "x"),
        (values.natural, "-1"),
        (values.positive, "0"),
        (values.integer, "1.5"),
        (values.integer, str(1 << 63)),
        (values.charset, "no-such-charset"),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            parse(text)


def test_attributes() -> None:
    assert values.attributes("+a=b, +c=d=e ,-f") == {"+a": "b", "+c": "d=e", "-f": ""}
    for text in ("a=b", "+a", "-a=b", "+a=b,-a", "+=x"):
        with pytest.raises(ValueError, match="attribute"):
            values.attributes(text)


def test_the_module_of_a_command_is_its_name_in_snake_case() -> None:
    names = {
        "queryMsgById": "query_msg_by_id",
        "cleanExpiredCQ": "clean_expired_cq",
        "allocateMQ": "allocate_mq",
        "exportRocksDBConfigToJson": "export_rocks_db_config_to_json",
        "store_ls": "store_ls",
    }
    assert {name: snake_case(name) for name in names} == names
