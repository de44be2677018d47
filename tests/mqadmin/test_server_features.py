"""Commands of controllers, containers, users, ACLs and lite topics over a fake cluster: what an Apache one shows badly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps, loads
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingSendError
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster

SECRET = "hush-12345"
V4_9_7 = 407


class Users:
    """The users of one fake broker, as 5.3.3 keeps them."""

    def __init__(self, cluster: FakeCluster, name: str) -> None:
        self.table: dict[str, dict[str, Any]] = {}
        for code, handler in (
            (Code.AUTH_CREATE_USER, self.create),
            (Code.AUTH_UPDATE_USER, self.update),
            (Code.AUTH_GET_USER, self.get),
            (Code.AUTH_LIST_USER, self.listing),
            (Code.AUTH_DELETE_USER, self.delete),
        ):
            cluster.transport.on(cluster[name].address, code, handler)

    def create(self, c: RemotingCommand) -> RemotingCommand:
        self.table[c.ext_fields["username"]] = {"userType": "Normal", "userStatus": "enable", **loads(c.body_bytes)}
        return c.reply()

    def update(self, c: RemotingCommand) -> RemotingCommand:
        self.table[c.ext_fields["username"]].update(loads(c.body_bytes))
        return c.reply()

    def get(self, c: RemotingCommand) -> RemotingCommand:
        user = self.table.get(c.ext_fields["username"])
        return c.reply(body=dumps(user) if user is not None else b"")

    def listing(self, c: RemotingCommand) -> RemotingCommand:
        return c.reply(body=dumps(list(self.table.values())) if self.table else b"")

    def delete(self, c: RemotingCommand) -> RemotingCommand:
        self.table.pop(c.ext_fields["username"], None)
        return c.reply()


def not_supported(version: int) -> Callable[[RemotingCommand], RemotingCommand]:
    def answer(c: RemotingCommand) -> RemotingCommand:
        reply = c.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, f" request type {c.code} not supported")
        reply.version = version
        return reply

    return answer


def test_a_cluster_of_two_versions_is_partial(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    users = Users(cluster, "broker-a")
    old = cluster["broker-b"].address
    for code in (Code.AUTH_GET_USER, Code.AUTH_LIST_USER):
        cluster.transport.on(old, code, not_supported(V4_9_7))
    monkeypatch.setenv("USER_SECRET", SECRET)
    to = ("-n", cluster.namesrv, "-c", "C1", "-u", "alice", "--passwordEnv", "USER_SECRET", "--output", "json")
    ran = cli(cluster.transport, "createUser", *to)
    assert ran.code == ExitCode.PARTIAL
    assert [(c["target"], c["state"]) for c in ran.json["data"]["changes"]] == [(cluster["broker-a"].address, "done")]
    (error,) = ran.json["errors"]
    assert error["target"] == old
    assert error["cause"].startswith(f"{old} is of version 4.9.7, which does not have users and ACLs")
    assert users.table["alice"]["password"] == SECRET
    listed = cli(cluster.transport, "listUser", "-n", cluster.namesrv, "-c", "C1", "--output", "json")
    assert listed.code == ExitCode.PARTIAL
    assert [user["username"] for user in listed.json["data"]["users"]] == ["alice"]
    assert SECRET not in ran.out + ran.err + listed.out + listed.err


@pytest.mark.parametrize("form", ["table", "json", "yaml", "csv"])
def test_a_password_shows_in_no_form(cli: Cli, form: str) -> None:
    cluster = FakeCluster()
    users = Users(cluster, "broker-a")
    at = ("-n", cluster.namesrv, "-b", cluster["broker-a"].address, "-u", "alice", "--output", form)
    for words in (("createUser", *at, "-p", SECRET), ("updateUser", *at, "-p", f"{SECRET}-2"), ("getUser", *at)):
        ran = cli(cluster.transport, *words)
        assert ran.code == 0, ran
        assert SECRET not in ran.out + ran.err
        if "-p" in words:
            assert "--passwordFile" in ran.err or "--passwordFile" in ran.out
    assert users.table["alice"]["password"] == f"{SECRET}-2"
    plan = cli(cluster.transport, "updateUser", *at, "-p", f"{SECRET}-3", "--plan")
    assert SECRET not in plan.out + plan.err
    assert users.table["alice"]["password"] == f"{SECRET}-2"


def test_where_a_password_may_come_from(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    users = Users(cluster, "broker-a")
    at = ("-n", cluster.namesrv, "-b", cluster["broker-a"].address)
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o644)
    open_to_all = cli(cluster.transport, "createUser", *at, "-u", "a", "--passwordFile", str(file))
    assert open_to_all.code == ExitCode.USAGE
    assert "others may read it" in open_to_all.err
    file.chmod(0o600)
    monkeypatch.setenv("SOME_SECRET", SECRET)
    for name, source in (
        ("file", ("--passwordFile", str(file))),
        ("env", ("--passwordEnv", "SOME_SECRET")),
        ("stdin", ("-p", "-")),
        ("piped", ("--passwordFile", "-")),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{SECRET}\n".encode())))
        assert cli(cluster.transport, "createUser", *at, "-u", name, *source).code == 0
        assert users.table[name]["password"] == SECRET
    for source, said in (
        (("--passwordEnv", "NOT_SET_ANYWHERE"), "which is not set"),
        (("--passwordFile", str(tmp_path / "none")), "cannot read"),
        (("-p", "a", "--passwordEnv", "SOME_SECRET"), "give only one of"),
        ((), "give -p or --passwordFile or --passwordEnv"),
    ):
        ran = cli(cluster.transport, "createUser", *at, "-u", "x", *source)
        assert ran.code == ExitCode.USAGE, ran
        assert said in ran.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert cli(cluster.transport, "createUser", *at, "-u", "x", "-p", "-").code == ExitCode.USAGE
    assert "x" not in users.table


def test_a_change_that_cannot_be_read_back_is_unverified(cli: Cli) -> None:
    cluster = FakeCluster()
    users = Users(cluster, "broker-a")
    address = cluster["broker-a"].address

    def created_and_gone(c: RemotingCommand) -> RemotingCommand:
        def closed(_: RemotingCommand) -> RemotingCommand:
            raise RemotingSendError("the connection was closed", address=address)

        cluster.transport.on(address, Code.AUTH_GET_USER, closed)
        return users.create(c)

    cluster.transport.on(address, Code.AUTH_CREATE_USER, created_and_gone)
    at = ("-n", cluster.namesrv, "-b", address, "--output", "json")
    ran = cli(cluster.transport, "createUser", *at, "-u", "alice", "-p", SECRET)
    assert (ran.code, ran.json["data"]["changes"][0]["state"]) == (ExitCode.PARTIAL, "unverified")


class Controller:
    """A leading controller that knows two replicas, and one that follows it."""

    leader, follower = "10.9.0.1:9878", "10.9.0.2:9878"

    def __init__(self, cluster: FakeCluster) -> None:
        self.master, self.obeys = 1, True
        self.known = {1: "10.1.0.1:10911", 2: "10.1.0.2:10911"}
        self.cleaned: list[dict[str, str]] = []
        for address in (self.leader, self.follower):
            cluster.transport.on(address, Code.CONTROLLER_GET_METADATA_INFO, self.metadata)
        for code, handler in (
            (Code.CONTROLLER_GET_SYNC_STATE_DATA, self.sync_state),
            (Code.CONTROLLER_ELECT_MASTER, self.elect),
            (Code.CLEAN_BROKER_DATA, self.clean),
        ):
            cluster.transport.on(self.leader, code, handler)

    def metadata(self, c: RemotingCommand) -> RemotingCommand:
        fields = {"group": "g", "controllerLeaderId": "n0", "controllerLeaderAddress": self.leader}
        return c.reply(ext_fields={**fields, "isLeader": "false", "peers": "n0:10.9.0.1:9878;n1:10.9.0.2:9878"})

    def sync_state(self, c: RemotingCommand) -> RemotingCommand:
        def replica(number: int) -> dict[str, Any]:
            return {"brokerName": "broker-a", "brokerId": number, "brokerAddress": self.known[number], "alive": True}

        table = {
            "broker-a": {
                "masterBrokerId": self.master,
                "masterAddress": self.known.get(self.master),
                "masterEpoch": 3,
                "syncStateSetEpoch": 4,
                "inSyncReplicas": [replica(number) for number in self.known],
                "notInSyncReplicas": [],
            }
        }
        names = loads(c.body_bytes)
        return c.reply(body=dumps({"replicasInfoTable": {name: table[name] for name in names if name in table}}))

    def elect(self, c: RemotingCommand) -> RemotingCommand:
        assert c.ext_fields["designateElect"] == "true"
        if self.obeys:
            self.master = int(c.ext_fields["brokerId"])
        members = {"cluster": "C1", "brokerName": "broker-a", "brokerAddrs": self.known}
        return c.reply(ext_fields={"masterBrokerId": str(self.master), "masterEpoch": "4"}, body=dumps(members))

    def clean(self, c: RemotingCommand) -> RemotingCommand:
        self.cleaned.append(c.ext_fields)
        for number in c.ext_fields["brokerControllerIdsToClean"].split(";"):
            self.known.pop(int(number), None)
        return c.reply()


def test_an_election_goes_to_the_leader_and_is_read_back(cli: Cli) -> None:
    cluster = FakeCluster()
    controller = Controller(cluster)
    # The first of the addresses is down, the second follows.
    addresses = f"10.9.0.9:9878;{controller.follower}"
    words = ("electMaster", "-a", addresses, "-c", "C1", "-bn", "broker-a", "-b", "2", "--output", "json")
    planned = cli(cluster.transport, *words, "--plan")
    assert (planned.code, planned.json["status"], controller.master) == (0, "planned", 1)
    ran = cli(cluster.transport, *words)
    assert (ran.code, ran.json["data"]["elected"], ran.json["data"]["masterId"]) == (0, True, 2)
    assert ran.json["data"]["members"] == {"1": "10.1.0.1:10911", "2": "10.1.0.2:10911"}
    assert cli(cluster.transport, *words).json["status"] == "unchanged"
    controller.obeys = False
    back = cli(cluster.transport, *words[:-3], "1", "--output", "json")
    assert (back.code, back.json["status"]) == (ExitCode.NO_EFFECT, "no_effect")
    assert cli(cluster.transport, *words[:-3], "7", "--output", "json").code == ExitCode.NOT_FOUND


def test_replicas_of_an_unknown_broker_beside_a_known_one(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    controller = Controller(cluster)
    to = ("-a", controller.leader, "-n", cluster.namesrv, "-c", "C1", "--output", "json")
    ran = cli(cluster.transport, "getSyncStateSet", *to)
    assert ran.code == ExitCode.PARTIAL
    assert [each["brokerName"] for each in ran.json["data"]["sets"]] == ["broker-a"]
    assert [each["target"] for each in ran.json["errors"]] == ["broker-b"]


def test_forgetting_replicas(cli: Cli) -> None:
    cluster = FakeCluster()
    controller = Controller(cluster)
    words = ("cleanBrokerMetadata", "-a", controller.follower, "-bn", "broker-a", "-b", "2;5", "--output", "json")
    assert cli(cluster.transport, *words).code == ExitCode.USAGE, "without -c only with -l"
    ran = cli(cluster.transport, *words, "-c", "C1")
    assert (ran.code, ran.json["data"]["changes"][0]["state"]) == (0, "done")
    assert controller.cleaned[0]["isCleanLivingBroker"] == "false"
    assert list(controller.known) == [1]
    assert cli(cluster.transport, *words, "-c", "C1").code == ExitCode.NO_EFFECT


def test_a_container(cli: Cli) -> None:
    """It needs no name server; where there is one, it says whether the broker is gone."""
    cluster = FakeCluster(("broker-a", "C1"))
    container, seen = "10.8.0.1:10811", []
    for code in (Code.ADD_BROKER, Code.REMOVE_BROKER):
        cluster.transport.on(container, code, lambda c: (seen.append(c.ext_fields), c.reply())[1])
    added = cli(cluster.transport, "addBroker", "-c", container, "-b", "/etc/b.conf")
    assert (added.code, seen) == (0, [{"configPath": "/etc/b.conf"}])
    assert f"add broker to {container} success" in added.out
    to = ("-c", container, "-b", "C1:broker-a:0", "--output", "json")
    removed = cli(cluster.transport, "removeBroker", *to, "-n", cluster.namesrv)
    assert (removed.code, removed.json["data"]["registered"]) == (0, True)
    assert "still list C1:broker-a:0" in removed.json["notes"][0]
    assert seen[1] == {"brokerClusterName": "C1", "brokerName": "broker-a", "brokerId": "0"}
    unknown = cli(cluster.transport, "removeBroker", *to)
    assert unknown.json["data"]["registered"] is None, "no name server was asked"
    for wrong in ("C1:broker-a", "C1:broker-a:x", "C1::0"):
        assert cli(cluster.transport, "removeBroker", "-c", container, "-b", wrong).code == ExitCode.USAGE
    assert len(seen) == 3
    unlisted = ("removeBroker", "-c", container, "-b", "C1:broker-z:2", "-n", cluster.namesrv, "--output", "json")
    planned = cli(cluster.transport, *unlisted, "--plan")
    assert (planned.code, planned.json["status"], len(seen)) == (0, "planned", 3)
    stopped = cli(cluster.transport, *unlisted)
    assert (stopped.code, seen[3]["brokerName"]) == (0, "broker-z"), "one that is not listed may run in the container"
    assert "do not list C1:broker-z:2" in stopped.json["notes"][0]


def test_a_lag_of_lite_topics_is_unknown_where_a_broker_does_not_answer(cli: Cli) -> None:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for name in ("broker-a", "broker-b"):
        cluster[name].add_topic("P")
        cluster[name].groups["G"] = {"groupName": "G"}

    def lags(*lags: tuple[str, int]) -> Callable[[RemotingCommand], RemotingCommand]:
        worst = [{"liteTopic": topic, "lagCount": lag, "earliestUnconsumedTimestamp": -1} for topic, lag in lags]
        body = {"group": "G", "parentTopic": "P", "totalLagCount": sum(lag for _, lag in lags), "lagCountTopK": worst}
        return lambda c: c.reply(body=dumps(body))

    cluster.transport.on(cluster["broker-a"].address, Code.GET_LITE_GROUP_INFO, lags(("one", 3), ("two", 9)))
    cluster.transport.on(cluster["broker-b"].address, Code.GET_LITE_GROUP_INFO, lags(("three", 5)))
    words = ("getLiteGroupInfo", "-p", "P", "-g", "G", "-n", cluster.namesrv, "--output")
    ran = cli(cluster.transport, *words, "json")
    assert (ran.code, ran.json["data"]["lagTotal"]) == (0, 17)
    worst = [(lag["liteTopic"], lag["brokerName"]) for lag in ran.json["data"]["worstByCount"]]
    assert worst == [("two", "broker-a"), ("three", "broker-b"), ("one", "broker-a")]
    refuse = lambda c: c.reply(ResponseCode.SYSTEM_ERROR, "no")  # noqa: E731
    cluster.transport.on(cluster["broker-b"].address, Code.GET_LITE_GROUP_INFO, refuse)
    part = cli(cluster.transport, *words, "json")
    assert (part.code, part.json["data"]["lagTotal"]) == (ExitCode.PARTIAL, None)
    assert "Total Lag Count: unknown" in cli(cluster.transport, *words, "table").out


def test_a_group_of_lite_topics_that_is_not_there_is_not_asked_for(cli: Cli) -> None:
    """An Apache broker would create it."""
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("P")
    for words in (
        ("getLiteGroupInfo", "-p", "P", "-g", "Typo"),
        ("getLiteClientInfo", "-p", "P", "-g", "Typo", "-c", "x"),
        ("triggerLiteDispatch", "-p", "P", "-g", "Typo"),
    ):
        ran = cli(cluster.transport, *words, "-n", cluster.namesrv)
        assert ran.code == ExitCode.NOT_FOUND, ran
        assert "has no consumer group 'Typo'" in ran.err
    assert max(cluster.transport.codes()) < Code.GET_BROKER_LITE_INFO


def test_a_newer_brokers_answers_do_not_break_a_listing(cli: Cli) -> None:
    """A state, an action, a field and a role that nobody has heard of are shown as they are."""
    cluster = FakeCluster()
    address = cluster["broker-a"].address
    user = {"username": "alice", "userType": "Galactic", "userStatus": "dreaming", "shoeSize": 44}
    entry = {"resource": "Planet:X", "actions": ["Orbit"], "decision": "Perhaps", "sourceIps": [], "mood": {}}
    acl = {"subject": "Robot:r2", "policies": [{"policyType": "Cosmic", "entries": [entry], "more": 1}]}
    cluster.transport.on(address, Code.AUTH_LIST_USER, lambda c: c.reply(body=dumps([user])))
    cluster.transport.on(address, Code.AUTH_LIST_ACL, lambda c: c.reply(body=dumps([acl])))
    at = ("-n", cluster.namesrv, "-b", address, "--output", "json")
    (alice,) = cli(cluster.transport, "listUser", *at).json["data"]["users"]
    assert (alice["userType"], alice["userStatus"], alice["hasPassword"]) == ("Galactic", "dreaming", False)
    (found,) = cli(cluster.transport, "listAcl", *at).json["data"]["entries"]
    assert (found["policyType"], found["actions"], found["decision"]) == ("Cosmic", ["Orbit"], "Perhaps")
    assert json.dumps(found)
