"""How groups fetch messages of a topic when the broker assigns the queues: `config/messageRequestMode.json`.

Only PULL is served here; the file keeps what Apache's broker wrote. Requests are handled in
`processors/query_assignment.py`. Mirrors org.apache.rocketmq.broker.loadbalance.MessageRequestModeManager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson_types import ConversionError, convert
from rocketmq_ops.remoting.bodies import SetMessageRequestModeRequestBody

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


def _modes(document: dict[str, Any]) -> dict[str, dict[str, SetMessageRequestModeRequestBody]]:
    """The modes by topic and group, as a document has them. Raises ConversionError, a CorruptDataError."""
    return convert(document.get("messageRequestModeMap") or {}, dict[str, dict[str, SetMessageRequestModeRequestBody]])


class MessageRequestModeManager(ConfigManager):
    """`table`: topic -> group -> mode."""

    file_name = "messageRequestMode.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._dirty = False
        self.table: dict[str, dict[str, SetMessageRequestModeRequestBody]] = {}

    def load(self) -> bool:
        """Read the file; False when there is none. Raises CorruptDataError for a broken one."""
        raw = self.document(dict)
        if raw is None:
            return False
        try:
            self.table = _modes(raw)
        except ConversionError as error:
            raise CorruptDataError(f"{self.path}: {error}") from None
        return True

    def take_over(self, document: dict[str, Any]) -> bool:
        """Replace the table of a slave by its master's; False when it is the same. Raises CorruptDataError."""
        taken = _modes(document)
        if taken == self.table:
            return False
        self.table = taken
        self.changed()
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """The table as Apache writes it."""
        return fastjson.dumps({"messageRequestModeMap": msgspec.to_builtins(self.table)}, pretty=pretty)

    def get(self, topic: str, group: str) -> SetMessageRequestModeRequestBody | None:
        """The mode that was set for a group on a topic, or None."""
        return self.table.get(topic, {}).get(group)

    def set(self, mode: SetMessageRequestModeRequestBody) -> None:
        """Set the mode of a group on a topic; not yet in the file."""
        self.table.setdefault(mode.topic, {})[mode.consumer_group] = mode
        self.changed()
