"""From an exception to a problem with its exit code: what failed, why, and the next step."""

from __future__ import annotations

import errno
import os

from rocketmq_ops.common.errors import AllFailedError, Failure, RocketMQError
from rocketmq_ops.mqadmin.exit_codes import ExitCode

#: The command that shows what an error's `see` names.
COMMAND_OF_CALL = {
    "acls.listing": "listAcl -b {}",
    "clients.consumers": "consumerConnection -g {}",
    "cluster.listing": "clusterList",
    "configs.broker_config": "getBrokerConfig -b {}",
    "configs.controller_configs": "getControllerConfig -a {}",
    "configs.namesrv_configs": "getNamesrvConfig",
    "groups.listing": "consumerProgress",
    "groups.progress": "consumerProgress -g {} -t TOPIC",
    "replicas.promotion": "promote -b {}",
    "store.inspect.check": "store check",
    "topics.clusters": "topicClusterList -t {}",
    "topics.listing": "topicList",
    "topics.route": "topicRoute -t {} -l",
    "topics.status": "topicStatus -t {}",
    "topics.update": "updateTopic",
    "users.listing": "listUser -b {}",
}


class CommandError(RocketMQError):
    """A command cannot go on. Carries the exit code that fits."""

    def __init__(self, cause: str, next_step: str = "", exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(cause, next_step)
        self.exit_code = exit_code


def not_found(cause: str, next_step: str = "") -> CommandError:
    """The error for something named that does not exist."""
    return CommandError(cause, next_step, ExitCode.NOT_FOUND)


#: What is known of a message that a broker does not find by its key.
NOT_THERE = (
    "the broker does not say why it found none: the message may have expired, or its record or index entry is damaged, "
    "which `mqadmin store check` of the broker's store shows"
)


def usage(cause: str, next_step: str = "") -> CommandError:
    """The error for a wrong combination of options."""
    return CommandError(cause, next_step, ExitCode.USAGE)


def require_order(begin: int | None, end: int | None, begin_name: str) -> None:
    """Refuse a span of time (ms) that ends before it begins; `begin_name` is the option of its begin."""
    if begin is not None and end is not None and begin > end:
        raise usage(f"{begin_name} is after -e", "give a begin that is not after the end")


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that an exception stands for."""
    from rocketmq_ops.client import errors as client
    from rocketmq_ops.common.addresses import AddressError
    from rocketmq_ops.common.config import ConfigError
    from rocketmq_ops.common.errors import NoSuchPathError
    from rocketmq_ops.common.properties import PropertiesError
    from rocketmq_ops.mqadmin.connecting.connection import ProfileError
    from rocketmq_ops.remoting import errors as remoting

    if isinstance(error, AllFailedError):
        return exit_code_of(error.first)
    if isinstance(error, CommandError):
        return error.exit_code
    if isinstance(error, NoSuchPathError):
        return ExitCode.NOT_FOUND
    if isinstance(error, (ProfileError, client.InvalidValueError, AddressError, ConfigError, PropertiesError)):
        return ExitCode.USAGE
    if isinstance(error, client.NotFoundError):
        return ExitCode.NOT_FOUND
    if isinstance(error, (client.RefusedValueError, client.AlreadyExistsError, client.UnsafeChangeError)):
        return ExitCode.REFUSED
    if isinstance(error, client.FeatureOffError):
        return ExitCode.UNSUPPORTED
    if isinstance(error, client.BrokerError):
        from rocketmq_ops.mqadmin.response_table import advice_of

        return ExitCode.REFUSED if client.ACL_EXCEPTION in error.remark else advice_of(error.code).exit_code
    if isinstance(error, (remoting.RemotingTimeoutError, TimeoutError)):
        return ExitCode.TIMEOUT
    if isinstance(error, remoting.RemotingBindError):
        return ExitCode.FAILED
    if isinstance(
        error,
        (
            client.NoBrokerError,
            client.NoMasterError,
            remoting.RemotingConnectError,
            remoting.RemotingSendError,
            ConnectionError,
        ),
    ):
        return ExitCode.CANNOT_CONNECT
    return ExitCode.FAILED


def next_step_of(error: RocketMQError) -> str:
    """What the user of the command line can do about an error."""
    from rocketmq_ops.client import errors as client
    from rocketmq_ops.remoting.errors import NoNameServerError

    if isinstance(error, AllFailedError):
        return next_step_of(error.first)
    if isinstance(error, NoNameServerError):
        return "give one with -n HOST:PORT"
    if isinstance(error, client.BrokerError) and not isinstance(error, client.RefusedValueError):
        from rocketmq_ops.mqadmin.response_table import next_step_of_refusal

        return next_step_of_refusal(error)
    if isinstance(error, client.UnsafeChangeError):
        return f"{error.next_step}; or give --force"
    if error.see is not None:
        command = COMMAND_OF_CALL[error.see.call].format(error.see.about)
        return f"{error.next_step}: see `mqadmin {command}`" if error.next_step else f"see `mqadmin {command}`"
    return error.next_step


def failure_of(target: str, error: RocketMQError) -> Failure:
    """The failure to list for one server or thing of several."""
    return Failure(target, error.cause, next_step_of(error), getattr(error, "code", None))


def failure_of_command(error: BaseException) -> Failure:
    """The failure to show for the exception that ended a command."""
    code = getattr(error, "code", None)
    cause, next_step = str(error) or type(error).__name__, ""
    if isinstance(error, RocketMQError):
        cause, next_step = error.cause or cause, next_step_of(error)
    elif isinstance(error, OSError) and error.errno is not None:
        cause, next_step = _of_system(error)
    return Failure(
        target=str(getattr(error, "address", "") or ""),
        cause=cause,
        next_step=next_step or "run it again with --debug to see where it happened",
        code=code if isinstance(code, int) and code >= 0 else None,
    )


def _of_system(error: OSError) -> tuple[str, str]:
    """What the system refused, for which path, and what to look at."""
    cause = os.strerror(error.errno or 0).lower()
    if error.filename is not None:
        cause = f"{error.filename}: {cause}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return cause, "free space on that disk"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return cause, "raise the limit of open files (ulimit -n)"
    return cause, "check the path and its permissions"
