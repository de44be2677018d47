"""The base of the broker's tables that are JSON files in the store's folder `config`: mirrors ConfigManager."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from rocketmq_ops.common.state_files import StateFile

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class ConfigManager(StateFile):
    """A table of the broker. Sub-classes give `file_name` and what a `StateFile` needs."""

    file_name: ClassVar[str]

    def __init__(self, controller: BrokerController) -> None:
        super().__init__()
        self._controller = controller

    @property
    def path(self) -> str:
        """The file."""
        return os.path.join(self._controller.store_config.storePathRootDir, "config", self.file_name)
