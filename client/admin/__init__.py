"""Every admin call, returning typed results: `MQAdmin`, with one module per concern behind it."""

from rocketmq_ops.client.admin.core import MQAdmin

__all__ = ["MQAdmin"]
