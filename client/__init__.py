"""Typed asyncio clients: producer, pull and push consumer, and the admin client.

The names below are loaded when first used, so that `client.admin` does not pay for the consumers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.pull import PullStatus as PullStatus
    from .api.send import SendResult as SendResult
    from .api.send import SendStatus as SendStatus
    from .consume_settings import ConsumeSettings as ConsumeSettings
    from .instance import ClientInstance as ClientInstance
    from .listener import ConsumeContext as ConsumeContext
    from .listener import ConsumeResult as ConsumeResult
    from .options import ClientOptions as ClientOptions
    from .producer import Producer as Producer
    from .producer import select_by_hash as select_by_hash
    from .pull_consumer import PullConsumer as PullConsumer
    from .push_consumer import PushConsumer as PushConsumer
    from .queue_api import PullResult as PullResult
    from .send_request import SendSettings as SendSettings

_MODULE_OF = {
    "ClientInstance": "instance",
    "ClientOptions": "options",
    "ConsumeContext": "listener",
    "ConsumeResult": "listener",
    "ConsumeSettings": "consume_settings",
    "Producer": "producer",
    "PullConsumer": "pull_consumer",
    "PullResult": "queue_api",
    "PullStatus": "api.pull",
    "PushConsumer": "push_consumer",
    "SendResult": "api.send",
    "SendSettings": "send_request",
    "SendStatus": "api.send",
    "select_by_hash": "producer",
}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value
