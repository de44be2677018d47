"""What holds while both sides of a row run. The docstring of each is what the page says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.interop.differential.two_brokers import TwoBrokers
from tests.interop.raw import DeadBroker, SilentClient, wait_for_route


@contextmanager
def a_topic_of_two_clusters(two: TwoBrokers) -> Iterator[None]:
    """a broker of another cluster has the topic too, and is down"""
    with DeadBroker(two.namesrv, cluster="OtherCluster", name="broker-o", address=two.values["D"], topic="orders"):
        yield


@contextmanager
def broadcasting(two: TwoBrokers) -> Iterator[None]:
    """two clients of a broadcasting group have consumed all"""
    names = ("everyone1", "everyone2")
    try:
        for name in names:
            two.ask("subscribe", name=name, topic="orders", group="everyone", model="BROADCASTING")
        for name in names:
            assert len(two.ask("received", name=name, count=24, timeoutMs=60_000)) == 24
        yield
    finally:
        for name in names:
            two.ask("consumer.close", name=name)


@contextmanager
def _silent(two: TwoBrokers, group: str, *clients: tuple[str, str]) -> Iterator[None]:
    """Clients (broker, client id) of a group that send heartbeats and answer nothing."""
    with ExitStack() as stack:
        for broker, client_id in clients:
            address = two.brokers[broker].address
            stack.enter_context(SilentClient(address, group=group, client_id=client_id, topic="idle"))
            wait_for_route(two.namesrv, f"%RETRY%{group}", broker)
        yield


@contextmanager
def two_clients_of_one_id(two: TwoBrokers) -> Iterator[None]:
    """two clients have one client id"""
    with _silent(two, "twins", *((broker, "twin") for broker in two.brokers for _ in range(2))):
        yield


@contextmanager
def a_client_at_each_broker(two: TwoBrokers) -> Iterator[None]:
    """one client is connected to one broker only, another one to the other"""
    with _silent(two, "apart", ("broker-a", "left"), ("broker-b", "right")):
        yield


@contextmanager
def a_client_that_does_not_answer(two: TwoBrokers) -> Iterator[None]:
    """the group's client does not answer"""
    with _silent(two, "mute", ("broker-a", "silent")):
        yield
