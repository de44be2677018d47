"""The catalogue of this dashboard: which screens there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rocketmq_ops.tui.catalogue import Catalogue, Place
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import message, messages
from rocketmq_ops.tui.model.details.bodies import FORMS
from rocketmq_ops.tui.model.overview import COLUMNS as BROKER_COLUMNS
from rocketmq_ops.tui.model.table import Column
from rocketmq_ops.tui.model.taken import SORT, Taken
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.screens import names
from rocketmq_ops.tui.screens.base import DashboardScreen
from rocketmq_ops.tui.screens.broker import BrokerScreen, NameServerScreen
from rocketmq_ops.tui.screens.client import ClientScreen
from rocketmq_ops.tui.screens.dead_letters import DeadLettersScreen
from rocketmq_ops.tui.screens.doctor import DoctorScreen
from rocketmq_ops.tui.screens.group import GroupScreen
from rocketmq_ops.tui.screens.journal import JournalScreen
from rocketmq_ops.tui.screens.message import MessageScreen
from rocketmq_ops.tui.screens.messages import MessagesScreen
from rocketmq_ops.tui.screens.overview import OverviewScreen
from rocketmq_ops.tui.screens.probe import ProbeScreen
from rocketmq_ops.tui.screens.store import RecordScreen, StoreScreen
from rocketmq_ops.tui.screens.table import TableScreen
from rocketmq_ops.tui.screens.topic import TopicScreen
from rocketmq_ops.tui.screens.views import ViewsScreen


def list_place(view: View) -> Place:
    """The place of a view."""

    def make(context: Context, address: Address) -> DashboardScreen:
        return TableScreen(context, address, view)

    return Place(view.name, view.aliases, view.title, make, taken=Taken(view.options, columns=_sortable(view.columns)))


def _sortable(columns: Iterable[Column]) -> tuple[str, ...]:
    return tuple(column.key for column in columns if column.sortable)


#: Screens of one thing: each has its name, and where its names come from.
DETAILS: Final[tuple[Place, ...]] = (
    Place("group", ("consumer", "consumer-group"), "One group", GroupScreen, names.groups, "groups",
          taken=Taken(parts=("queues", "clients", "subscriptions", "problems", "given-up", "settings"))),
    Place("topic", (), "One topic", TopicScreen, names.topics, "topics",
          taken=Taken(parts=("queues", "groups", "route", "settings"))),
    Place("client", ("connection",), "One client", ClientScreen, names.clients, "clients",
          taken=Taken(("group", "threads"), ("queues", "subscriptions", "settings", "threads"))),
    Place("messages", ("m", "msg", "msgs"), "Messages of a topic", MessagesScreen, names.topics,
          options=messages.completed, taken=Taken(messages.OPTIONS, ("messages",), check=messages.check)),
    Place("message", (), "One message", MessageScreen, names.topics,
          taken=Taken(("broker", "queue", "offset", "id", "body"), ("body", "consumed", "trace", "properties"),
                      values={"body": FORMS}, check=message.check)),
    Place("dead-letters", ("dlq", "dl", "dead-letter"), "Dead letters of a group", DeadLettersScreen, names.groups,
          taken=Taken(messages.OPTIONS, ("letters",), check=messages.check)),
    Place("broker", (), "One broker", BrokerScreen, names.brokers, "brokers",
          taken=Taken(parts=("figures", "statistics", "configuration", "replication", "producers"))),
    Place("name-server", ("nameserver",), "One name server", NameServerScreen, names.name_servers, "nameservers",
          taken=Taken(parts=("brokers", "configuration"))),
    Place("store", (), "A store's directory", StoreScreen, names.nothing,
          taken=Taken(("at",), ("findings", "map", "files", "queues", "small", "records"))),
    Place("record", (), "A record of a store", RecordScreen, names.nothing,
          taken=Taken(("at",), ("fields", "body", "bytes"))),
    Place("doctor", ("d", "doc"), "What the doctor finds", DoctorScreen, names.nothing, "doctor",
          taken=Taken(parts=("findings",))),
    Place("probe", ("p", "prober", "probes"), "What the prober has kept", ProbeScreen,
          taken=Taken(parts=("findings", "figures", "groups", "failures"))),
    Place("views", ("v", "view", "saved"), "Saved views", ViewsScreen, taken=Taken(parts=("views",))),
    Place("journal", ("j", "undo"), "Changes that were made", JournalScreen, taken=Taken(parts=("changes",))),
)  # fmt: skip


def catalogue(views: Iterable[View]) -> Catalogue:
    """All screens: the overview, one of each view, and those of one thing."""
    aliases = ("o", "ov", "home", "cluster", "clusters")
    taken = Taken(columns=_sortable(BROKER_COLUMNS), arranged=(SORT, "compare"))
    overview = Place("overview", aliases, "Overview", OverviewScreen, taken=taken)
    return Catalogue([overview, *map(list_place, views), *DETAILS])
