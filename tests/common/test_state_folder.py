import sys
from pathlib import Path

import pytest

from rocketmq_ops.common.state_folder import state_folder


def test_the_folder_is_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/some/where")
    assert state_folder() == Path("/some/where/rocketmq-ops")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    assert state_folder() == Path.home() / ".local" / "state" / "rocketmq-ops"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert state_folder() == Path.home() / "Library" / "Application Support" / "rocketmq-ops"
