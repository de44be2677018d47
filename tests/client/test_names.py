"""The names of the package that applications import from."""

from __future__ import annotations

import subprocess
import sys

from rocketmq_ops import client


def test_a_star_gives_all_names():
    names: dict[str, object] = {}
    exec("from rocketmq_ops.client import *", names)
    assert {"Producer", "PushConsumer", "reply_to", "FROM_FIRST_OFFSET"} <= names.keys()
    assert set(client.__all__) == names.keys() - {"__builtins__"}


def test_the_package_by_itself_loads_no_consumer():
    text = "import sys, rocketmq_ops.client; print(*[name for name in sys.modules if 'consumer' in name])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
