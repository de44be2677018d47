"""Access control: microseconds of CPU that the check of a request takes, by its size. No network, no store."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import timeit
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rocketmq_ops.broker.access.gate import AccessGate
from rocketmq_ops.broker.access.signatures import Signatures
from rocketmq_ops.broker.acl.plain_permission_manager import PlainPermissionManager
from rocketmq_ops.broker.auth.auth_evaluator import AuthEvaluator
from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.remoting.bodies import AclInfo, PolicyEntryInfo, PolicyInfo, UserInfo
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner
from rocketmq_ops.store.config import MessageStoreConfig

NAME, SECRET = "application", "a-long-secret"
ACL = f"""
accounts:
  - {{accessKey: {NAME}, secretKey: {SECRET}, topicPerms: [orders=PUB|SUB], groupPerms: [own=SUB]}}
"""
SEND = {
    "a": "p", "b": "orders", "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1795246590674", "h": "0",
    "i": "UNIQ_KEY\u00010A0B0C0D0E0F00112233445566778899\u0002WAIT\u0001true\u0002", "j": "0", "k": "false", "m": "false",
}  # fmt: skip
PULL = {
    "consumerGroup": "own", "topic": "orders", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "6",
    "commitOffset": "0", "suspendTimeoutMillis": "15000", "subscription": "*", "subVersion": "0",
    "expressionType": "TAG",
}  # fmt: skip


def plain(folder: Path) -> AccessGate:
    """The check by an account of 4.x."""
    (folder / "conf").mkdir()
    (folder / "conf" / "plain_acl.yml").write_text(ACL)
    return AccessGate([PlainPermissionManager(str(folder), _signatures()).check])


def users(folder: Path) -> AccessGate:
    """The check by a user and ACL of 5.x."""
    config = AuthConfig(authenticationEnabled=True, authorizationEnabled=True)
    controller = SimpleNamespace(
        auth_config=config, config=BrokerConfig(), store_config=MessageStoreConfig(storePathRootDir=str(folder))
    )
    auth = AuthEvaluator(cast(BrokerController, controller), _signatures())
    auth.users.create(UserInfo(username=NAME, password=SECRET))
    rules = [
        PolicyEntryInfo(resource=name, actions=["Pub", "Sub"], decision="Allow")
        for name in ("Topic:orders", "Group:own")
    ]
    auth.acls.put(None, AclInfo(subject=f"User:{NAME}", policies=[PolicyInfo(policy_type="Custom", entries=rules)]))
    return AccessGate([auth.check])


def main() -> None:
    """Print a markdown table: the median of the rounds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--times", type=int, default=20_000, help="requests a round")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        gates = {"accounts of 4.x": plain(Path(first)), "users and ACLs of 5.x": users(Path(second))}
        print("| request | " + " | ".join(f"{name}, µs" for name in gates) + " |\n|---" * 1 + "|---|---|")
        for what, code, fields, body in (
            ("send of 128 bytes", RequestCode.SEND_MESSAGE_V2, SEND, b"x" * 128),
            ("send of 1 KiB", RequestCode.SEND_MESSAGE_V2, SEND, b"x" * 1024),
            ("send of 16 KiB", RequestCode.SEND_MESSAGE_V2, SEND, b"x" * 16384),
            ("pull", RequestCode.PULL_MESSAGE, PULL, b""),
        ):
            request = RemotingCommand.request(code, ext_fields=dict(fields), body=body)
            AclSigner(NAME, SECRET).sign(request)
            raw = json.dumps({"code": int(code), "extFields": request.ext_fields}).encode()
            times = [_microseconds(gate, request, raw, given.rounds, given.times) for gate in gates.values()]
            print(f"| {what} | " + " | ".join(f"{each:.1f}" for each in times) + " |")


def _microseconds(gate: AccessGate, request: RemotingCommand, raw: bytes, rounds: int, times: int) -> float:
    """Of one request whose fields have not been read yet, as it comes from the network."""
    channel = cast(Channel, SimpleNamespace(remote="127.0.0.1:5", remote_host_bytes=b"\x7f\0\0\x01\0\0\0\5", attrs={}))

    def check() -> None:
        request.ext_source = raw
        refusal: Any = gate.before(channel, request)
        assert refusal is None, refusal.remark

    asked = timeit.Timer(check, timer=time.process_time)
    return statistics.median(asked.repeat(rounds, times)) / times * 1e6


def _signatures() -> Signatures:
    return Signatures(lambda: 0)


if __name__ == "__main__":
    main()
