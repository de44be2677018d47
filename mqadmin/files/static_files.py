"""The mapping of a static topic in files: saved before and after a change, and applied again with -mf."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from rocketmq_ops.common.errors import NoSuchPathError
from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.remoting.bodies.topic import TopicRemappingDetailWrapper
from rocketmq_ops.remoting.errors import RemotingProtocolError


class MappingFiles:
    """Saves to a folder of its own among the temporary files, made with the first file; names are Apache's."""

    def __init__(self) -> None:
        self._folder: str | None = None

    def save(self, when: str, mapping: TopicRemappingDetailWrapper) -> str:
        """Write TOPIC-EPOCH.before or .after; its path."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="rocketmq-static-topic-")
        path = os.path.join(self._folder, f"{mapping.topic}-{mapping.epoch}.{when}")
        save_with_backup(path, mapping.encode(standard_json=True))
        return path

    def discard(self) -> None:
        """Remove the folder with what was saved there."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def read_mapping(name: str, topic: str) -> TopicRemappingDetailWrapper:
    """The mapping of this topic in a file, ours or Apache's. Raises NoSuchPathError, or a usage error."""
    path = Path(name)
    if not path.is_file():
        raise NoSuchPathError(f"there is no file {name}", "check the path")
    try:
        found = TopicRemappingDetailWrapper.decode(path.read_bytes())
    except RemotingProtocolError as error:
        raise usage(f"{name} holds no mapping: {error.cause}", "give a file that the command has saved") from error
    if found.topic != topic or not found.broker_config_map:
        what = f"the mapping of topic '{found.topic}'" if found.topic else "no mapping"
        raise usage(f"{name} holds {what}, not that of '{topic}'", "give a file that was saved for this topic")
    return found
