"""The prober's own topics and group: names that no application has, a topic for each broker and prober.

Each prober (a user on a machine) has names of its own, so that one that ends does not take away what another uses.
"""

from __future__ import annotations

import getpass
import re
import socket
import zlib
from typing import Final

import msgspec

from rocketmq_ops.common.topics import GROUP_MAX_LENGTH, TOPIC_MAX_LENGTH

#: What the names of every prober's topics and groups begin with.
PREFIX: Final = "ROCKETMQ_OPS_PROBE_"


class Names(msgspec.Struct, frozen=True):
    """The names of one prober; `mark` tells it from others."""

    mark: str

    @property
    def group(self) -> str:
        """The group that it pulls as; it has no clients, and so no retry topic."""
        return f"{PREFIX}{self.mark}"[:GROUP_MAX_LENGTH]

    def topic(self, broker_name: str) -> str:
        """Its topic on one broker. What a topic's name cannot hold of the broker's name stands in a checksum."""
        plain = re.sub(r"[^a-zA-Z0-9_-]", "_", broker_name)
        name = f"{PREFIX}{self.mark}_{plain}"
        if plain != broker_name or len(name) > TOPIC_MAX_LENGTH:
            name = f"{name[: TOPIC_MAX_LENGTH - 9]}_{zlib.crc32(broker_name.encode()):08x}"
        return name


def own_names() -> Names:
    """Of this user on this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as containers have
        user = "nobody"
    return Names(f"{zlib.crc32(f'{user}@{socket.gethostname()}'.encode()):08x}")


def is_probers(name: str) -> bool:
    """Whether a topic or group is a prober's, of this machine or another."""
    return name.startswith(PREFIX)
