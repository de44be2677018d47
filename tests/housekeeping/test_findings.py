"""The order of severities."""

from rocketmq_ops.housekeeping.findings import Severity, worst


def test_the_worst_of_some_and_of_none() -> None:
    assert worst([]) is Severity.OK
    assert worst([Severity.INFO, Severity.UNKNOWN, Severity.OK]) is Severity.UNKNOWN
    assert worst([Severity.WARNING, Severity.CRITICAL, Severity.UNKNOWN]) is Severity.CRITICAL
