"""`mqadmin promote`: each run finds out how far it has come, does one step, and never half of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.values import human_time
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster

SLAVE = "10.1.0.9:10911"
MASTER_FILE = "# the master\nbrokerName=broker-a\nbrokerId=0\nbrokerRole=SYNC_MASTER\nbrokerPermission=4\n"
SLAVE_FILE = "# the slave\nbrokerName=broker-a\nbrokerId=1\nbrokerRole=SLAVE\n"


_BOOT_MS = 1_700_000_000_000
_RUN_SECONDS = 1000 * 86_400 + 3723


class Pair:
    """A master and its slave, with their property files."""

    def __init__(self, folder: Path, cli: Cli) -> None:
        self.cluster = FakeCluster(("broker-a", "C1"))
        self.master = self.cluster["broker-a"]
        self.slave = FakeBroker(self.cluster.transport, "broker-a", "C1", SLAVE)
        self.ends = {self.master.address: 1000, SLAVE: 1000}
        #: More of what each says of itself.
        self.figures: dict[str, dict[str, str]] = {}
        self.addresses = {0: self.master.address, 1: SLAVE}
        self.master.config |= {"brokerRole": "SYNC_MASTER", "brokerId": "0", "brokerPermission": "6"}
        self.slave.config |= {"brokerRole": "SLAVE", "brokerId": "1", "brokerPermission": "6"}
        self.slave_file, self.master_file = folder / "slave.properties", folder / "master.properties"
        self.slave_file.write_text(SLAVE_FILE)
        self.master_file.write_text(MASTER_FILE)
        self._cli = cli
        self.cluster.broker_data = lambda broker: {  # type: ignore[method-assign]
            "brokerName": "broker-a", "cluster": "C1", "brokerAddrs": self.addresses
        }  # fmt: skip
        #: How long the master's configuration is as it is, by its clock, which is 17 minutes before ours: its fence.
        self.fenced_for(60)
        run = {"bootTimestamp": str(_BOOT_MS), "runtime": "[ 1,000 days, 1 hours, 2 minutes, 3 seconds ]"}
        for broker in (self.master, self.slave):
            end = lambda c, at=broker.address: c.reply(  # noqa: E731
                body=dumps({"table": {"commitLogMaxOffset": str(self.ends[at]), **run, **self.figures.get(at, {})}})
            )
            self.cluster.transport.on(broker.address, Code.GET_BROKER_RUNTIME_INFO, end)

    def fenced_for(self, seconds: int | None) -> None:
        """Let the master's configuration be so old; None is a broker that does not say it."""
        changed = _BOOT_MS + 1000 * (_RUN_SECONDS - (seconds or 0))
        version = {"counter": 1, "stateVersion": 0, "timestamp": changed}
        self.master.config_version = None if seconds is None else {"version": json.dumps(version)}

    def slave_status(self, last_read: int, last_write: int | None = None) -> None:
        """Let the slave answer GET_BROKER_HA_STATUS: when it heard of its master last, and wrote to it, in ms."""
        wrote = last_read if last_write is None else last_write
        status = {
            "master": False, "haClientRuntimeInfo": {"lastReadTimestamp": last_read, "lastWriteTimestamp": wrote}
        }  # fmt: skip
        self.cluster.transport.on(SLAVE, Code.GET_BROKER_HA_STATUS, lambda c: c.reply(body=dumps(status)))

    def master_stops(self) -> None:
        self.cluster.stop(self.master.address)
        del self.addresses[0]

    def run(self, *more: str) -> Ran:
        return self._cli(self.cluster.transport, "promote", "-n", self.cluster.namesrv, "-b", SLAVE, *more)

    def files(self, *more: str) -> Ran:
        return self.run(
            "--configFile", str(self.slave_file), "--oldConfigFile", str(self.master_file),
            "--oldMaster", self.master.address, *more,
        )  # fmt: skip


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Pair:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Pair(tmp_path, cli)


def step(ran: Ran) -> Any:
    return json.loads(ran.out)["data"]["nextStep"]


def test_from_the_fence_to_the_end(pair: Pair) -> None:
    ran = pair.run()
    assert ran.code == 0 and pair.master.config["brokerPermission"] == "4"
    stop = f"stop the old master, {pair.master.address}, then run this again with --oldMaster {pair.master.address}"
    assert stop in ran.out and "--masterEnd 1000 --role SYNC_MASTER" in ran.out
    ran = pair.run("--output", "json")
    assert (ran.code, step(ran)) == (ExitCode.NO_EFFECT, "stop")
    pair.master_stops()
    ran = pair.files("--masterEnd", "1000")
    assert ran.code == 0 and f"restart the broker at {SLAVE}" in ran.out
    assert parse_properties(pair.slave_file.read_text()) == {
        "brokerName": "broker-a", "brokerId": "0", "brokerRole": "SYNC_MASTER"
    }  # fmt: skip
    assert pair.slave_file.read_text().startswith("# the slave")
    assert parse_properties(pair.master_file.read_text()) == {
        "brokerName": "broker-a", "brokerId": "1", "brokerRole": "SLAVE", "brokerPermission": "6"
    }  # fmt: skip
    assert Path(f"{pair.slave_file}.bak").read_text() == SLAVE_FILE
    ran = pair.files("--output", "json")
    assert (ran.code, step(ran)) == (ExitCode.NO_EFFECT, "start")
    pair.slave.config |= {"brokerRole": "ASYNC_MASTER", "brokerId": "0"}
    ran = pair.files("--output", "json")
    assert (ran.code, step(ran)) == (ExitCode.NO_EFFECT, "verify")
    pair.addresses.clear()
    pair.addresses[0] = SLAVE
    ran = pair.files("--output", "json")
    assert (ran.code, step(ran)) == (0, None)
    assert json.loads(ran.out)["data"]["masters"] == {pair.cluster.namesrv: SLAVE}


@pytest.mark.parametrize(
    ("mine", "others", "said"),
    [
        ("", "", ""),
        ("tls.ha.mode=enforcing\n", "tls.ha.mode=enforcing\n", ""),
        ("tls.ha.mode=enforcing\n", "tls.ha.enable=true\n", ""),
        ("tls.ha.mode=enforcing\n", "", "has no TLS: set tls.ha.enable=true there"),
        ("tls.ha.mode=none\n", "tls.ha.enable=true\n", ""),
        ("tls.server.mode=disabled\n", "tls.ha.enable=true\n", "set tls.ha.mode=permissive or enforcing there"),
    ],
)
def test_files_whose_keys_of_tls_do_not_go_together_are_named(pair: Pair, mine: str, others: str, said: str) -> None:
    pair.run()
    pair.master_stops()
    pair.slave_file.write_text(SLAVE_FILE + mine)
    pair.master_file.write_text(MASTER_FILE + others)
    ran = pair.files("--masterEnd", "1000")
    assert ran.code == 0 and "brokerId=0" in ran.out
    assert said in ran.out and bool(said) is ("tls." in ran.out)


@pytest.mark.parametrize(("seconds", "left"), [(0, 30), (29, 1), (30, 0)])
def test_producers_are_given_time_to_leave(pair: Pair, seconds: int, left: int) -> None:
    """They may send until their next look at the route: the slave has everything only after that."""
    pair.fenced_for(seconds)
    ran = pair.run()
    said = f"producers may send to the old master for another {left} s, until their next route; run this again then"
    assert ran.code == 0 and (said in ran.out) == bool(left) and ("--masterEnd" in ran.out) == (not left)
    ran = pair.run("--output", "json")
    assert (ran.code, step(ran)) == (ExitCode.NO_EFFECT, "catchUp" if left else "stop")
    assert json.loads(ran.out)["data"]["producersLeaveInSeconds"] == left


def test_a_fence_of_unknown_age_gives_no_end_of_the_log(pair: Pair) -> None:
    pair.fenced_for(None)
    ran = pair.run()
    assert ran.code == 0 and "It is not known since when the old master is fenced" in ran.out
    assert "--masterEnd and the end of its log, as `mqadmin store ls` shows it on its host" in ran.out
    assert "--masterEnd 1000" not in ran.out


def test_the_fence_is_undone_as_any_change(pair: Pair) -> None:
    assert pair.run().code == 0
    undone = pair._cli(pair.cluster.transport, "undo", "1", "-n", pair.cluster.namesrv, "--yes")
    assert undone.code == 0 and pair.master.config["brokerPermission"] == "6"


def test_a_plan_changes_nothing(pair: Pair) -> None:
    ran = pair.run("--plan")
    assert ran.code == 0 and "would fence the old master" in ran.out
    assert pair.master.config["brokerPermission"] == "6"
    pair.master_stops()
    ran = pair.files("--masterEnd", "1000", "--plan")
    assert ran.code == 0 and "brokerRole=SYNC_MASTER" in ran.out and "brokerRole=SLAVE" in ran.out
    assert pair.slave_file.read_text() == SLAVE_FILE and pair.master_file.read_text() == MASTER_FILE


def test_it_waits_until_the_slave_has_everything(pair: Pair) -> None:
    pair.ends[SLAVE] = 900
    ran = pair.run()
    assert ran.code == 0 and "has yet to fetch 100 bytes" in ran.out
    ran = pair.run("--output", "json")
    assert (ran.code, step(ran)) == (ExitCode.NO_EFFECT, "catchUp")
    assert json.loads(ran.out)["data"]["gapBytes"] == 100


def test_groups_that_the_slave_has_behind_are_named(pair: Pair) -> None:
    pair.master.committed["G", "T", 0] = 7
    pair.slave.committed["G", "T", 0] = 5
    pair.master.committed["H", "T", 0] = 7
    pair.slave.committed["H", "T", 0] = 7
    ran = pair.run("--plan", "--output", "json")
    assert json.loads(ran.out)["data"]["groupsBehind"] == ["T@G"]
    ran = pair.run()
    assert "#GroupsBehind\tT@G\n" in ran.out
    assert "Of 1 groups the master knows offsets that the slave does not have (yet)" in ran.out
    pair.slave.committed["G", "T", 0] = 7
    assert "the master knows offsets" not in pair.run().out


@pytest.mark.parametrize(
    ("more", "end", "cause"),
    [
        ((), 1000, "is not known"),
        (("--masterEnd", "1000"), 900, "the slave lacks the last 100 bytes of its master's log"),
        (("--masterEnd", "1000"), 1100, "beyond --masterEnd 1000: the master has gone on after it had that end"),
    ],
)
def test_what_the_slave_may_lack_is_not_lost_unasked(pair: Pair, more: tuple[str, ...], end: int, cause: str) -> None:
    pair.ends[SLAVE] = end
    pair.master_stops()
    ran = pair.files(*more)
    assert ran.code == ExitCode.REFUSED and cause in ran.err
    assert pair.slave_file.read_text() == SLAVE_FILE
    assert pair.files(*more, "--force", "--role", "ASYNC_MASTER").code == 0
    assert "brokerRole=ASYNC_MASTER" in pair.slave_file.read_text()


HEARD_MS = 1_700_000_000_000


@pytest.mark.parametrize("more", [("--masterEnd", "1000"), ()], ids=["stale", "none"])
def test_an_end_that_the_master_had_passed_is_noticed(pair: Pair, more: tuple[str, ...]) -> None:
    """The slave had lost its connection: its log ends where the master's once did."""
    pair.figures[SLAVE] = {"haMasterLogEnd": "1100", "haMasterLogEndTimestamp": str(HEARD_MS)}
    pair.master_stops()
    ran = pair.files(*more)
    assert ran.code == ExitCode.REFUSED and pair.slave_file.read_text() == SLAVE_FILE
    assert f"the slave asked it last ({human_time(HEARD_MS)}) that its own ended at 1100" in ran.err
    assert "lacks the last 100 bytes of it at least" in ran.err
    ran = pair.files("--masterEnd", "1100")
    assert ran.code == ExitCode.REFUSED and "the slave lacks the last 100 bytes" in ran.err
    assert pair.files(*more, "--force").code == 0


@pytest.mark.parametrize(
    ("last_read", "asked"), [(HEARD_MS, None), (0, HEARD_MS), (HEARD_MS - 5000, HEARD_MS)],
    ids=["replication", "the broker", "both"],
)  # fmt: skip
def test_when_the_slave_heard_its_master_last_is_said(pair: Pair, last_read: int, asked: int | None) -> None:
    if asked is not None:
        pair.figures[SLAVE] = {"haMasterLogEnd": "1000", "haMasterLogEndTimestamp": str(asked)}
    pair.slave_status(last_read)
    pair.master_stops()
    ran = pair.files("--masterEnd", "1000", "--plan")
    assert ran.code == 0 and f"#MasterLastHeard\t{human_time(HEARD_MS)}\n" in ran.out
    assert f"the slave heard its master last at {human_time(HEARD_MS)}: if the master was stopped later" in ran.out
    ran = pair.files("--masterEnd", "1000", "--output", "json")
    assert ran.code == 0 and json.loads(ran.out)["data"]["heard"]["timestamp"] == HEARD_MS


@pytest.mark.parametrize("tried", [None, 0, HEARD_MS + 60_000])
def test_a_slave_that_does_not_say_when_it_heard_its_master_is_doubted(pair: Pair, tried: int | None) -> None:
    """One of 4.9, or one of 5.x whose connection has ended: it gives when it tried to connect last, if it has."""
    pair.master_stops()
    if tried is not None:
        pair.slave_status(tried, HEARD_MS)
    ran = pair.files("--masterEnd", "1000")
    assert ran.code == 0 and "when the slave heard its master last is not known: --masterEnd has to be" in ran.out
    assert pair.slave_file.read_text() != SLAVE_FILE


@pytest.mark.parametrize(
    ("figures", "times", "cut_off"),
    [
        ({"haConnected": "false", "haProblem": "cannot connect"}, (HEARD_MS, HEARD_MS), True),
        ({"haConnected": "true", "haProblem": ""}, (0, 0), False),
        ({}, (0, HEARD_MS), True),
        ({}, (HEARD_MS, HEARD_MS - 20_000), True),
        ({}, (HEARD_MS, HEARD_MS - 6_000), False),
        ({}, (HEARD_MS, HEARD_MS + 6_000), False),
        ({}, None, False),
    ],
    ids=["ours", "ours, before the first word", "5.x", "5.x, tried", "5.x, connected", "5.x, idle", "4.9"],
)
def test_no_end_is_named_while_replication_is_cut_off(
    pair: Pair, figures: dict[str, str], times: tuple[int, int] | None, cut_off: bool
) -> None:
    """Nothing is missing yet, and what the master gets before it stops would be."""
    pair.figures[SLAVE] = figures
    if times is not None:
        pair.slave_status(*times)
    ran = pair.run()
    assert ran.code == 0 and ("--masterEnd 1000" in ran.out) == (not cut_off)
    assert ("the slave is not connected to its master's replication" in ran.out) == cut_off
    assert ("#Problem\tcannot connect" in ran.out) == ("haProblem" in figures and cut_off)
    ran = pair.run("--output", "json")
    assert (ran.code, step(ran)) == (ExitCode.NO_EFFECT, "catchUp" if cut_off else "stop")


def test_a_master_that_a_name_server_still_has_is_not_taken_for_gone(pair: Pair) -> None:
    pair.cluster.stop(pair.master.address)
    ran = pair.files("--force")
    assert ran.code == ExitCode.REFUSED and "is still the master at name server" in ran.err
    assert pair.slave_file.read_text() == SLAVE_FILE


def test_without_an_old_master_nobody_is_promoted(pair: Pair) -> None:
    pair.master_stops()
    ran = pair.run("--configFile", str(pair.slave_file))
    assert ran.code == ExitCode.NOT_FOUND and "give the address of the old master" in ran.err


def test_a_second_file_that_cannot_be_written_leaves_the_first_as_it_was(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rocketmq_ops.mqadmin.commands.ha import promote

    change = promote.change_file

    def fails(changes: Any, path: str) -> None:
        if path == str(pair.master_file):
            raise PermissionError(13, "denied", path)
        change(changes, path)

    monkeypatch.setattr(promote, "change_file", fails)
    pair.master_stops()
    assert pair.files("--masterEnd", "1000").code != 0
    assert pair.slave_file.read_text() == SLAVE_FILE and pair.master_file.read_text() == MASTER_FILE


def test_without_files_the_lines_are_shown(pair: Pair) -> None:
    pair.slave.config["brokerConfigPath"] = "/etc/broker-a-s.properties"
    pair.master_stops()
    ran = pair.run("--oldMaster", pair.master.address, "--masterEnd", "1000")
    assert ran.code == ExitCode.NO_EFFECT
    assert f"in /etc/broker-a-s.properties, on the host of {SLAVE}:\nbrokerRole=ASYNC_MASTER\nbrokerId=0\n" in ran.out
    assert "brokerRole=SLAVE\nbrokerId=1\nbrokerPermission=6\n" in ran.out
    # Apache's brokers say it as they were given it.
    pair.slave.config["brokerConfigPath"] = "conf/s.properties"
    ran = pair.run("--oldMaster", pair.master.address, "--masterEnd", "1000")
    assert "in conf/s.properties of the folder where the broker was started, on the host of" in ran.out


def test_an_old_master_that_came_back_is_said(pair: Pair) -> None:
    pair.slave.config |= {"brokerRole": "ASYNC_MASTER", "brokerId": "0"}
    ran = pair.run()
    assert ran.code == ExitCode.NO_EFFECT
    assert f"there are two masters: stop {pair.master.address}, give it brokerRole=SLAVE" in ran.out


def test_a_master_that_never_was_a_slave_has_nothing_to_lack(pair: Pair) -> None:
    pair.slave.config |= {"brokerRole": "ASYNC_MASTER", "brokerId": "0"}
    pair.addresses.clear()
    pair.addresses[0] = SLAVE
    ran = pair.run()
    assert ran.code == 0 and ran.out.endswith(
        "nothing is to be done: it is a master, and every name server has it as the only one\n"
    )
    assert "#OldMaster" not in ran.out and "#BytesMissing" not in ran.out
