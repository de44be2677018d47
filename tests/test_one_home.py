"""Small rules live in one module each: nobody else writes them again."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("common", "remoting", "store", "namesrv", "broker", "client", "mqadmin")

#: What is written once -> the only module that may write it.
ONLY_IN = {
    "the bits of a topic's system flag": (
        r"(?<![A-Z_])_?(FLAG_|TOPIC_)?UNIT(_SUB)?(_FLAG)?(, \w+)? = (0x)?\d",
        "common/sysflag.py",
    ),
    "the id of the master": (r"MASTER_ID\b.* = \d", "common/addresses.py"),
    "message models and types of consumption": (
        r'"(BROADCASTING|CLUSTERING|CONSUME_\w+LY)"',
        "remoting/bodies/enums.py",
    ),
    "the key of topic and group": (r"\{topic\}@\{\w*group\}|artition\(\"@\"\)", "common/topics.py"),
    "starting a task": (r"(?<!\bgroup\.)create_task\(|ensure_future\(", "common/tasks.py"),
    "what is repeated": (r"call_later\(", "common/periodic.py"),
    "the text of attribute changes": (r"piece\.partition\(\"=\"\)", "common/attributes.py"),
    "tag expressions": (r"split\(\"\|\|\"\)", "common/tags.py"),
    "names that are like another": (r"difflib", "common/nearest.py"),
    "names imported when first used": (r"import_module\(f\"\.", "common/lazy.py"),
    "the wall clock": (r"time\.time\(|time\.time_ns\(", "common/clock.py"),
}


@pytest.mark.parametrize("rule", ONLY_IN)
def test_a_rule_has_one_home(rule):
    pattern, home = ONLY_IN[rule]
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if re.search(pattern, path.read_text("utf-8"))
    }
    assert found == {home}
