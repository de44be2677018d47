"""All list screens, in the order in which they are listed."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.model.views.alarms import AlarmList
from rocketmq_ops.tui.model.views.brokers import Brokers
from rocketmq_ops.tui.model.views.clients import Clients
from rocketmq_ops.tui.model.views.events import EventList
from rocketmq_ops.tui.model.views.groups import Groups
from rocketmq_ops.tui.model.views.name_servers import NameServers
from rocketmq_ops.tui.model.views.topics import Topics

VIEWS: Final[tuple[View, ...]] = (
    Groups(),
    Topics(),
    Brokers(),
    NameServers(),
    Clients(),
    AlarmList(),
    EventList(),
)
