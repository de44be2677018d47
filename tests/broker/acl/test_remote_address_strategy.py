"""White lists against what RemoteAddressStrategyFactory of Apache's 4.9.7 says of the same patterns and addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.broker.acl.permission import AclFormatError
from rocketmq_ops.broker.acl.remote_address_strategy import host_of, matcher

_LINES = (Path(__file__).parents[2] / "golden" / "acl" / "white_lists.tsv").read_text("utf-8").splitlines()
ADDRESSES = _LINES[0].split("\t")[1:]
#: Pattern and, for each address, 1 or 0; ERROR for a pattern that is refused, E where Apache fails at each address.
ROWS = [line.split("\t") for line in _LINES[1:]]
#: What Apache takes and can never match; here it is refused when it is read.
REFUSED_HERE = {"10.0.0.0.*", "*.0.0.1", "1-2.0.0.1", "2001:db8:g:*"}


@pytest.mark.parametrize(("pattern", "verdicts"), ROWS)
def test_a_pattern_means_what_it_means_to_apache(pattern: str, verdicts: str) -> None:
    if verdicts == "ERROR" or pattern in REFUSED_HERE:
        with pytest.raises(AclFormatError):
            matcher(pattern)
        return
    matches = matcher(pattern)
    assert "".join("1" if matches is not None and matches(address) else "0" for address in ADDRESSES) == verdicts


def test_an_address_without_its_port() -> None:
    assert [host_of(remote) for remote in ("10.0.0.1:5", "[::1]:5", "")] == ["10.0.0.1", "::1", ""]


def test_an_address_of_ipv4_that_is_written_as_ipv6_is_that_of_ipv4() -> None:
    """Peers are known by their IPv4 addresses, so that Apache's never finds it."""
    for pattern in ("::ffff:10.0.0.2", "::ffff:a00:2,2001:db8::1"):
        matches = matcher(pattern)
        assert matches is not None and matches("10.0.0.2") and not matches("10.0.0.3") and not matches("::1")
