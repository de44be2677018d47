"""The rows of a list as they are kept between two moments."""

import pytest

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.desk import Desk
from rocketmq_ops.tui.model.moment import Moment, NameServerSeen
from rocketmq_ops.tui.model.shown import Arrangement
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.model.views.groups import Groups


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_list_without_rows_says_why_as_of_the_moment_that_is_shown(view):
    """What rows would be made of is the same object while nobody answers."""
    waits = Moment(time_ms=1)
    same = {name: getattr(waits, name) for name in ("brokers", "topics", "groups", "clients", "alarms", "events")}
    silent = Moment(time_ms=2, name_servers={"n": NameServerSeen(address="n", failing_since=1)}, **same)
    desk = Desk(view, Address(view.name))
    desk.look(waits)
    if not desk.has(silent):
        desk.look(silent)
    shown = desk.arranged(Arrangement())
    if view.name == "nameservers":
        assert [row.key for row in shown.rows] == ["n"]
    else:
        assert shown.rows == []
        assert "no name server answers" in shown.table.note
        assert shown.table.failed


def test_nothing_is_made_anew_of_the_same_moment():
    waits, later = Moment(time_ms=1), Moment(time_ms=1)
    later.groups = waits.groups
    desk = Desk(Groups(), Address("groups"))
    desk.take(desk.made(waits, Arrangement()))
    assert desk.has(waits)
    assert not desk.has(later)
