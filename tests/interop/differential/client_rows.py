"""Rows on groups whose clients are out of the usual: broadcasting, sharing an id, at one broker only, or silent."""

from __future__ import annotations

from tests.interop.differential.reading import columns, rows
from tests.interop.differential.situations import (
    a_client_at_each_broker,
    a_client_that_does_not_answer,
    a_topic_of_two_clusters,
    broadcasting,
    two_clients_of_one_id,
)
from tests.interop.differential.table import PARTIAL, STACK, Row, better, outcome, same

CLIENTS: tuple[Row, ...] = (
    better(
        "consumerProgress -g everyone",
        outcome,
        lambda answer: (
            answer.data["group"]["messageModel"],
            answer.data["group"]["lagTotal"],
            len({queue["clientId"] for queue in answer.data["group"]["queues"]}),
            sum(queue["consumerOffset"] for queue in answer.data["group"]["queues"]),
        ),
        "clients of a broadcasting group keep their offsets: ours asks each for them and says BROADCASTING; Java's finds "
        "none on the brokers and prints a stack trace",
        STACK,
        ("BROADCASTING", 0, 2, 48),
        given=broadcasting,
    ),
    same(
        "consumerConnection -g twins",
        columns(0),
        rows("connections", "clientId"),
        given=two_clients_of_one_id,
    ),
    better(
        "consumerConnection -g apart",
        columns(0),
        rows("connections", "clientId"),
        "ours asks every broker; Java's a random one of them, so that it shows one client or the other",
        lambda clients: len(clients) == 1,
        [("left",), ("right",)],
        given=a_client_at_each_broker,
    ),
    better(
        "consumerStatus -g mute",
        outcome,
        lambda answer: (
            answer.code,
            [client["clientId"] for client in answer.data["clients"]],
            ["silent" in error["target"] + error["cause"] for error in answer.document["errors"]],
        ),
        "ours lists the client and names it as the one that did not answer (exit code 5); Java's prints a stack trace that "
        "does not name it, and exits 0",
        STACK,
        (PARTIAL, ["silent"], [True]),
        given=a_client_that_does_not_answer,
    ),
    better(
        "topicClusterList -t orders",
        lambda answer: sorted(answer.text.split()),
        lambda answer: answer.data["clusters"],
        "ours names all clusters of the topic; Java's those of one of its brokers",
        lambda clusters: len(clusters) == 1,
        ["DefaultCluster", "OtherCluster"],
        given=a_topic_of_two_clusters,
    ),
)
