"""What admin calls raise beside the remoting errors: a server's refusal, something not found, all targets failing."""

from __future__ import annotations

from ...common.errors import RocketMQError

_NEXT_STEPS: dict[int, str] = {
    2: "the server is busy: try again, or with a longer --timeout",
    3: "the server is of a version that does not know this request",
    13: "correct the message or the option that the server refuses",
    14: "try again later: the server is not able to serve this now",
    16: "use an account with the permission (a profile with accessKey and secretKey), or change what the server allows",
    29: "correct the value that the server refuses",
    17: "check the topic's name with `mqadmin topicList`, or create it with `mqadmin updateTopic`",
    22: "check the name or key; nothing is stored under it",
    24: "check that the consumer subscribes to this topic",
    26: "check the group's name, or create it with `mqadmin updateSubGroup`",
    206: "start a consumer of the group, or check the group's name with `mqadmin consumerProgress`",
}


class AdminError(RocketMQError):
    """A server answered with a code other than success. `code` is its ResponseCode, `remark` what it said."""

    def __init__(self, code: int, remark: str | None, address: str) -> None:
        said = (remark or "").partition("\nSee ")[0].partition("\nFor more information")[0].strip()
        super().__init__(
            f"{address} answered: {said or 'no reason given'}",
            _NEXT_STEPS.get(code, "see the log of the server for the cause"),
        )
        self.code = code
        self.remark = said
        self.address = address


class NotFoundError(RocketMQError):
    """What was named does not exist in the cluster as the name servers and brokers describe it."""


class SharedNameError(RocketMQError):
    """Clusters share a broker name, and the broker that the name servers hold under it is another cluster's."""


class InvalidValueError(RocketMQError):
    """What was asked for makes no sense, whatever the servers hold."""


class InvalidNameError(InvalidValueError):
    """A topic or group name that no broker would accept."""


class AllFailedError(RocketMQError):
    """Every target of a fan-out failed; `causes` holds each one's error, in the order of the targets."""

    def __init__(self, what: str, causes: dict[str, RocketMQError]) -> None:
        first = next(iter(causes.values()))
        listed = "; ".join(
            f"{target}: {error}" if target not in str(error) else str(error) for target, error in causes.items()
        )
        super().__init__(f"{what} failed on all {len(causes)} servers: {listed}" if len(causes) > 1 else str(first))
        self.next_step = first.next_step
        self.causes = causes
        self.first = first
        self.code = getattr(first, "code", None)
        self.address = getattr(first, "address", "")
