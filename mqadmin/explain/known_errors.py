"""Texts of Apache's exceptions, answers and log lines that users meet: what each means and what to do about it.

A text is part of one string literal of Apache's source, so that it is found in whatever was pasted. In which classes
and versions it stands is recorded in `tests/golden/rocketmq/error-texts.json`, written by
`scripts/record_error_texts.py`. What response codes mean is not here but in `remoting/response_meanings.py`.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known import (
    connections,
    load,
    messages,
    permissions,
    replication,
    servers,
    store,
    subscriptions,
)
from rocketmq_ops.mqadmin.explain.known.entry import Known

#: Every known text; `mqadmin/explain/known/` has them by subject.
KNOWN: Final[tuple[Known, ...]] = (
    *connections.KNOWN,
    *load.KNOWN,
    *permissions.KNOWN,
    *subscriptions.KNOWN,
    *messages.KNOWN,
    *store.KNOWN,
    *replication.KNOWN,
    *servers.KNOWN,
)
