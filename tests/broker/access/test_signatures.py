"""Signatures are checked alike for known and unknown accounts, and guessing is slowed for those alone who guess."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rocketmq_ops.broker.access.signatures import BURST, MOST_COUNTED, PER_SECOND, Signatures
from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner, SigningKey

KEY = SigningKey("right-secret")


def peer(host: str) -> Any:
    return SimpleNamespace(remote=f"{host}:1", remote_host_bytes=pack_host(host, 1), attrs={})


def signed(secret: str, name: str = "account") -> RemotingCommand:
    request = RemotingCommand.request(10, ext_fields={"topic": "T"}, body=b"body")
    AclSigner(name, secret).sign(request)
    return request


class Clock:
    ms = 1_000

    def __call__(self) -> int:
        return self.ms


def hold(
    signatures: Signatures, channel: Any, secret: str, name: str = "account", key: SigningKey | None = KEY
) -> bool:
    return signatures.hold(channel, signed(secret, name), name, key, unique_key_query=False)


def test_who_guesses_is_slowed_and_nobody_else() -> None:
    clock = Clock()
    signatures = Signatures(clock)
    early, attacker = peer("10.0.0.1"), peer("10.0.0.1")
    assert hold(signatures, early, "right-secret")
    assert not any(hold(signatures, attacker, f"guess-{number}") for number in range(BURST + 50))
    assert not hold(signatures, attacker, "right-secret"), "a right guess among too many is not believed"
    assert not hold(signatures, peer("10.0.0.1"), "right-secret"), "by another connection neither"
    assert hold(signatures, early, "right-secret"), "who has signed before is not concerned"
    assert hold(signatures, peer("10.0.0.2"), "right-secret"), "another address is not"
    assert hold(signatures, peer("10.0.0.1"), "right-secret", "other"), "another account is not"
    clock.ms += 1_000 // PER_SECOND
    assert hold(signatures, peer("10.0.0.1"), "right-secret"), "after a while it is looked at again"


def test_the_hosts_of_an_ipv6_network_are_one_peer() -> None:
    signatures = Signatures(Clock())
    for number in range(BURST):
        assert not hold(signatures, peer(f"2001:db8::{number:x}"), "wrong-secret")
    assert not hold(signatures, peer("2001:db8::ffff"), "right-secret")
    assert hold(signatures, peer("2001:db8:0:1::1"), "right-secret")


def test_a_connection_that_proved_a_key_proves_the_next_one_anew() -> None:
    signatures, channel = Signatures(Clock()), peer("10.0.0.1")
    assert hold(signatures, channel, "right-secret")
    assert not hold(signatures, channel, "wrong-secret")
    assert not hold(signatures, channel, "right-secret", key=SigningKey("changed-secret"))
    assert hold(signatures, channel, "changed-secret", key=SigningKey("changed-secret"))


def test_unknown_accounts_are_checked_and_never_counted() -> None:
    signatures = Signatures(Clock())
    for number in range(2 * BURST):
        assert not hold(signatures, peer("10.0.0.1"), "secret", f"name-{number}", None)
    assert hold(signatures, peer("10.0.0.1"), "right-secret")
    assert len(signatures._guesses) == 0


def test_what_is_counted_is_bounded() -> None:
    signatures = Signatures(Clock())
    for number in range(MOST_COUNTED + 10):
        hold(signatures, peer(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), "wrong-secret")
    assert len(signatures._guesses) == MOST_COUNTED


def test_body_fields_and_order_are_signed() -> None:
    request = signed("right-secret")
    for spoiled in (
        {"body": b"other"},
        {"ext_source": request.ext_fields | {"topic": "U"}},
        {"ext_source": request.ext_fields | {"more": "x"}},
        {"ext_source": {k: v for k, v in request.ext_fields.items() if k != "Signature"}},
        {"ext_source": request.ext_fields | {"Signature": "ä"}},
    ):
        other = signed("right-secret")
        for name, value in spoiled.items():
            setattr(other, name, value)
        assert not KEY.has_signed(other, unique_key_query=False), spoiled
    assert KEY.has_signed(request, unique_key_query=False)
    assert "right-secret" not in repr(KEY)
