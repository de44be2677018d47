"""Every admin call, returning typed results: `MQAdmin`, with one module per concern behind it."""

from .core import MQAdmin

__all__ = ["MQAdmin"]
