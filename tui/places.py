"""The catalogue of this dashboard: which screens there are."""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.tui.catalogue import Catalogue, Place
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.messages import completed
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


def list_place(view: View) -> Place:
    """The place of a view."""

    def make(context: Context, address: Address) -> DashboardScreen:
        return TableScreen(context, address, view)

    return Place(view.name, view.aliases, view.title, make)


#: Screens of one thing: each has its name, and where its names come from.
DETAILS: tuple[Place, ...] = (
    Place("group", ("consumer", "consumer-group"), "One group", GroupScreen, names.groups, "groups"),
    Place("topic", (), "One topic", TopicScreen, names.topics, "topics"),
    Place("client", ("connection",), "One client", ClientScreen, names.clients, "clients"),
    Place("messages", ("m", "msg", "msgs"), "Messages of a topic", MessagesScreen, names.topics, options=completed),
    Place("message", (), "One message", MessageScreen, names.topics),
    Place("dead-letters", ("dlq", "dl", "dead-letter"), "Dead letters of a group", DeadLettersScreen, names.groups),
    Place("broker", (), "One broker", BrokerScreen, names.brokers, "brokers"),
    Place("name-server", ("nameserver",), "One name server", NameServerScreen, names.name_servers, "nameservers"),
    Place("store", (), "A store's directory", StoreScreen, names.nothing),
    Place("record", (), "A record of a store", RecordScreen, names.nothing),
    Place("doctor", ("d", "doc"), "What the doctor finds", DoctorScreen),
    Place("probe", ("p", "prober", "probes"), "What the prober has kept", ProbeScreen),
    Place("journal", ("j", "undo"), "Changes that were made", JournalScreen),
)


def catalogue(views: Iterable[View]) -> Catalogue:
    """All screens: the overview, one of each view, and those of one thing."""
    overview = Place("overview", ("o", "ov", "home", "cluster", "clusters"), "Overview", OverviewScreen)
    return Catalogue([overview, *map(list_place, views), *DETAILS])
