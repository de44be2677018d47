"""Requests to broker containers: processes that hold several brokers."""

from __future__ import annotations

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.ha import AddBrokerRequestHeader, RemoveBrokerRequestHeader


async def add_broker(session: Session, address: str, config_path: str) -> None:
    """Start a broker in the container; the path of its configuration file is one of the container's machine."""
    header = AddBrokerRequestHeader(config_path=config_path)
    await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)


async def remove_broker(session: Session, address: str, cluster: str, broker_name: str, broker_id: int) -> None:
    """Stop a broker of the container."""
    header = RemoveBrokerRequestHeader(broker_cluster_name=cluster, broker_name=broker_name, broker_id=broker_id)
    await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
