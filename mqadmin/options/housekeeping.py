"""Options of the prober, the doctor, and about a host."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.mqadmin.declare import Opt
from rocketmq_ops.mqadmin.values import absolute, path

ConfigFile = Annotated[str, Opt("--config", help="property file of a broker", parse=path, metavar="FILE")]
AlarmPattern = Annotated[str, Opt("PATTERN", help="an id (probe.late), a target (broker-a), or both; * for any")]
Why = Annotated[str, Opt("--why", help="what others should know")]
BundleFile = Annotated[str, Opt("--from", help="examine this bundle, and no cluster", parse=path, metavar="BUNDLE")]
OnHost = Annotated[bool, Opt("--host", help="this machine is a broker's: look at its settings too")]
HistoryFile = Annotated[
    str, Opt("--history", help="file of the history (default: one for each cluster)", parse=path, metavar="FILE")
]
HostRoot = Annotated[
    str,
    Opt(
        "--root",
        help="a folder with a copy of a host's etc, proc and sys, instead of this machine",
        parse=path,
        metavar="DIR",
    ),
]
BrokerStore = Annotated[
    str,
    Opt("--store", help="the broker's storePathRootDir: only its mount is looked at", parse=absolute, metavar="DIR"),
]
ForceHost = Annotated[bool, Opt("--force", help="though somebody has changed the files since")]
