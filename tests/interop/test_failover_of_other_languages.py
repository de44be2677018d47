"""Apache's Go client and the Node client `ali-ons` on a pair of ours: their consumers go on at the slave when the master is
gone, also in the middle of a queue, and get what is sent when it is back."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.interop.apache import wait_until
from tests.interop.ours import mqadmin
from tests.interop.raw import wait_for_route
from tests.interop.sessions import LANGUAGES, Session
from tests.interop.test_failover import MASTER, SLAVE, handed_out
from tests.interop.test_replication import Group

TOPIC = "Failover"


@pytest.mark.parametrize("language", LANGUAGES)
def test_consumers_go_on_at_the_slave_and_producers_come_back(tmp_path: Path, language: str) -> None:
    before, lie_there, later = ([f"{word}{number}" for number in range(10)] for word in "abc")
    attempts = itertools.count()
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        namesrv = group.namesrv.address
        master = group.start("ours", "master", MASTER)
        slave = group.start("ours", "slave", SLAVE)
        wait_for_route(namesrv, "TBW102", "broker-a")
        words = ("updateTopic", "-c", "DefaultCluster", "-t", TOPIC, "-r", "1", "-w", "1")
        assert mqadmin(*words, namesrv=namesrv).code == 0

        def session(name: str) -> Session:
            return stack.enter_context(Session(language, tmp_path / name, namesrv, TOPIC, name))

        staying = session("staying")
        wait_until(
            lambda: staying.send([f"first{next(attempts)}"])[0].status == "SEND_OK",
            "the slave answers for messages",
            60,
        )
        assert {each.status for each in staying.send([*before, "hold", *lie_there])} == {"SEND_OK"}
        wait_until(lambda: "hold" in staying.got(), "its listener waits in the middle", 60)
        assert set(before) < set(staying.got())

        master.child.kill()
        (refused,) = staying.send(["never"])
        assert refused.refused and not refused.status
        sessions = [staying]
        if language == "node":  # Go's asks the master alone where a group is
            beginning = session("beginning")
            wait_until(lambda: "hold" in beginning.got(), "one that begins now reads from the slave", 60)
            sessions.append(beginning)
        begun = handed_out(slave)
        for each in sessions:
            each.go_on()
            # Go's looks for routes every 30 s; next to nothing it had before.
            wait_until(lambda at=each: set(lie_there) <= set(at.got()), "it goes on with the slave", 60)
        assert handed_out(slave) >= begun + len(lie_there) // 2

        master.start_again()
        stack.callback(master.child.kill)
        master.wait_ready()
        wait_until(
            lambda: staying.send([f"again{next(attempts)}"])[0].status == "SEND_OK", "the producer sends again", 90
        )
        assert {each.status for each in staying.send(later)} == {"SEND_OK"}
        for each in sessions:
            wait_until(lambda at=each: set(later) <= set(at.got()), "what was sent after that comes", 60)
            got = each.got()
            assert [got.count(text) for text in (*before, "hold", *lie_there, *later)] == [1] * 31
