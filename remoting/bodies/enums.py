"""Enums of Apache's bodies, their constants in Java's order: fastjson reads a number as a position.

In bodies a name counts in any letter case, and an unknown one is null. A custom header that is declared with one of
them wants the exact name.
"""

from __future__ import annotations

from typing import Final, Literal

ConsumeFromWhere = Literal[
    "CONSUME_FROM_LAST_OFFSET",
    "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
    "CONSUME_FROM_MIN_OFFSET",
    "CONSUME_FROM_MAX_OFFSET",
    "CONSUME_FROM_FIRST_OFFSET",
    "CONSUME_FROM_TIMESTAMP",
]
CONSUME_ACTIVELY: Final = "CONSUME_ACTIVELY"
CONSUME_PASSIVELY: Final = "CONSUME_PASSIVELY"
BROADCASTING: Final = "BROADCASTING"
CLUSTERING: Final = "CLUSTERING"
ConsumeType = Literal["CONSUME_ACTIVELY", "CONSUME_PASSIVELY", "CONSUME_POP"]
MessageModel = Literal["BROADCASTING", "CLUSTERING"]
MessageRequestMode = Literal["PULL", "POP"]
GroupRetryPolicyType = Literal["EXPONENTIAL", "CUSTOMIZED"]
TopicFilterType = Literal["SINGLE_TAG", "MULTI_TAG"]
