"""Texts about messages that are refused."""

from __future__ import annotations

from typing import Final

from rocketmq_ops.mqadmin.explain.known.entry import Known

KNOWN: Final[tuple[Known, ...]] = (
    Known(
        "message-illegal",
        "SendMessageProcessor",
        ("the message is illegal, maybe msg body or properties length not matched",),
        "the body is larger than maxMessageSize of the broker (4 MiB), or the properties than 32 KB",
        "make the message smaller, or raise maxMessageSize of broker and client",
        ("getBrokerConfig -b HOST:PORT",),
    ),
    Known(
        "body-too-large",
        "Validators",
        ("the message body size over max value",),
        "the body is larger than maxMessageSize of the producer (4 MiB)",
        "make the message smaller, or raise maxMessageSize of producer and broker",
    ),
    Known(
        "body-empty",
        "Validators",
        ("the message body length is zero", "the message body is null"),
        "Apache's producer sends no message without a body",
        "give the message a body",
    ),
    Known(
        "topic-name",
        "TopicValidator",
        ("The specified topic is longer than topic max length", "The specified topic contains illegal characters"),
        "a topic's name has at most 127 characters: letters, digits, %, |, - and _",
        "choose another name",
    ),
)
