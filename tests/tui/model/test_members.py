"""Whose turn it is to be asked for its clients."""

from rocketmq_ops.tui.model.members import BEHIND_MS, Members


def test_a_group_that_cannot_be_asked_holds_up_no_other():
    members = Members()
    members.place([("refused", True, ["b"]), ("other", True, ["b"])], {"b": "b:1"})
    assert members.next("b:1", 0) == "refused"
    members.not_told("refused", 0)
    assert members.next("b:1", 1) == "other"
    members.told("other", None, 1)
    assert members.next("b:1", BEHIND_MS - 1) is None
    assert members.next("b:1", BEHIND_MS) == "refused", "in its turn"
    assert members.count("refused") is None
    members.told("refused", None, BEHIND_MS)
    assert (members.count("refused"), members.count("other")) == (0, 0)
