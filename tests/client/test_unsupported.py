"""What the error says when a server answers that it does not support a request."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError, UnsupportedError, error_of
from rocketmq_ops.mqadmin.errors import exit_code_of, next_step_of
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import LegacyRequestCode, RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.features import FEATURES
from rocketmq_ops.remoting.versions import release_of
from tests.golden_data import facts

V4_9_7, V5_3_3, V5_5_0 = 407, 479, 513
VERSIONS = ("4.9.7", "5.3.3", "5.5.0")


def refused(code: int, version: int) -> BrokerError:
    request = RemotingCommand.request(code)
    answer = request.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, f" request type {code} not supported")
    answer.version = version
    return error_of(answer, "10.0.0.1:10911", request)


@pytest.mark.parametrize(
    ("code", "version", "cause", "next_step"),
    [
        (
            RequestCode.AUTH_LIST_USER,
            V4_9_7,
            "10.0.0.1:10911 is of version 4.9.7, which does not have users and ACLs (AUTH_LIST_USER (3005)): "
            "Apache RocketMQ has it since 5.3.0",
            "use a broker of version 5.3.0 or later",
        ),
        (
            RequestCode.GET_BROKER_LITE_INFO,
            V5_3_3,
            "10.0.0.1:10911 is of version 5.3.3, which does not have lite topics (GET_BROKER_LITE_INFO (200074)): "
            "Apache RocketMQ has it since 5.5.0",
            "use a broker of version 5.5.0 or later",
        ),
        (
            LegacyRequestCode.DELETE_ACL_CONFIG,
            V5_5_0,
            "10.0.0.1:10911 is of version 5.5.0, which no longer has ACLs by access key (DELETE_ACL_CONFIG (51)): "
            "Apache RocketMQ has it up to 5.3.2",
            "brokers from 5.3.3 on have users",
        ),
        (
            RequestCode.CONTROLLER_GET_METADATA_INFO,
            V5_3_3,
            "10.0.0.1:10911 (version 5.3.3) does not serve controllers (CONTROLLER_GET_METADATA_INFO (1005)), "
            "which Apache's controller has since 5.0.0",
            "check that this is the address of a controller",
        ),
    ],
)
def test_it_names_the_feature_and_both_versions(code: int, version: int, cause: str, next_step: str) -> None:
    error = refused(code, version)
    assert isinstance(error, UnsupportedError)
    assert error.cause == cause
    assert next_step in next_step_of(error)
    assert exit_code_of(error) is ExitCode.UNSUPPORTED
    assert error.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED


def test_a_request_that_every_version_has_is_said_as_the_server_says_it() -> None:
    error = refused(RequestCode.GET_BROKER_CONFIG, V5_3_3)
    assert error.cause == "10.0.0.1:10911 answered: GET_BROKER_CONFIG (26) is not supported here"
    assert "seems to be a name server" in next_step_of(error)
    assert exit_code_of(error) is ExitCode.UNSUPPORTED
    assert exit_code_of(refused(99_999, V5_3_3)) is ExitCode.UNSUPPORTED


@pytest.mark.parametrize(
    ("number", "release"), [(407, (4, 9, 7)), (479, (5, 3, 3)), (513, (5, 5, 0)), (30_000, (5, 9, 9))]
)
def test_a_release(number: int, release: tuple[int, int, int]) -> None:
    assert release_of(number) == release


def test_the_features_are_those_of_the_jars() -> None:
    """In a version whose request codes were read, a request is there exactly if its feature says so."""
    for version in VERSIONS:
        codes = set(facts(version, "request-codes").values())
        assert codes
        release = tuple(map(int, version.split(".")))
        for code in {int(each) for table in (RequestCode, LegacyRequestCode) for each in table}:
            feature = FEATURES.get(code)
            since = tuple(map(int, (feature.since if feature else "4.9.0").split(".")))
            until = tuple(map(int, (feature.until if feature and feature.until else "99.0.0").split(".")))
            assert (code in codes) is (since <= release <= until), (version, code)


def test_the_answer_of_a_call_is_what_the_version_is_read_from() -> None:
    class Transport:
        async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = 0) -> RemotingCommand:
            answer = command.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED)
            answer.version = V4_9_7
            return answer

        async def invoke_oneway(self, addr: str, command: RemotingCommand, timeout_ms: int = 0) -> None:
            raise AssertionError

        def peer_certificate(self, addr: str) -> bytes | None:
            raise AssertionError

        async def close(self) -> None:
            pass

    session = Session(Transport(), ["n:1"], timeout_ms=100)
    with pytest.raises(UnsupportedError, match=r"is of version 4\.9\.7") as caught:
        asyncio.run(session.call("b:1", RemotingCommand.request(RequestCode.GET_TOPIC_CONFIG)))
    assert (caught.value.server_version, caught.value.since) == ("4.9.7", "5.0.0")
