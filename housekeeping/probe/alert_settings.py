"""When hooks are called for what the prober finds, and which."""

from __future__ import annotations

import msgspec


class AlertSettings(msgspec.Struct, frozen=True):
    """When notices are due. `after`: runs in a row that have to agree; `remind_ms`: between reminders; 0: none.

    `command` is run with the notices as JSON on its standard input, `webhook` gets them by POST.
    """

    after: int = 2
    remind_ms: int = 4 * 3_600_000
    command: str = ""
    webhook: str = ""
