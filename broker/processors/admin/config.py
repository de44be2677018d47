"""The broker's configuration over the wire: show all of it, change some of it at run time.

Checking, setting and saving are in `common/configuration.py`. Mirrors AdminBrokerProcessor.updateBrokerConfig and
getBrokerConfig, except that unknown keys and bad values are refused instead of ignored.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.broker.config import check_name_servers
from rocketmq_ops.common.config import ConfigError, trim
from rocketmq_ops.common.configuration import Configuration, ForbiddenKeyError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.logs.config import apply_levels
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import GetBrokerConfigResponseHeader
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Keys whose changes must be registered at the name servers.
_REGISTERED_KEYS = frozenset({"brokerPermission", "namesrvAddr"})
#: Never changed from outside, besides what `configBlackList` names (AdminBrokerProcessor.initConfigBlackList).
ALWAYS_FORBIDDEN = "brokerConfigPath;rocketmqHome;configBlackList;logDir"
#: Read once at the start: who this broker is, where it listens, what it loads, where its files lie, how long they are.
# fmt: off
START_ONLY = frozenset({
    "brokerName", "brokerClusterName", "brokerId", "brokerIP1", "brokerIP2", "listenPort", "bindAddress",
    "serverSocketBacklog", "writeBufferHighWaterMark", "writeBufferLowWaterMark", "useTLS",
    "haListenPort", "aclEnable", "brokerHooks", "storePathRootDir", "storePathCommitLog",
    "metricsExporterType", "metricsPromExporterPort", "metricsPromExporterHost", "metricsLabel",
    "logFormat", "logFileSize", "logFiles",
    "mappedFileSizeCommitLog", "mappedFileSizeConsumeQueue", "maxHashSlotNum", "maxIndexNum", "messageIndexEnable",
    "enabledAppendPropCRC", "checkCRCOnRecover", "timerPrecisionMs", "mappedFileSizeTimerLog",
    "clusterTopicEnable", "brokerTopicEnable", "traceTopicEnable", "msgTraceTopicName", "defaultTopicQueueNums",
    "reviveQueueNum",
})
# fmt: on


class ConfigAdminProcessor:
    """Handlers of the configuration codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.configuration = Configuration(
            (controller.config, controller.server_config, controller.client_config, controller.store_config),
            start_only=START_ONLY,
        )
        self._log_level = controller.config.logLevel

    def get(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """26: every key of the four classes as property text, and the version of the configuration."""
        version = msgspec.json.encode(self.configuration.data_version, order="sorted").decode()
        return request.reply(
            header=GetBrokerConfigResponseHeader(version=version), body=self.configuration.text().encode()
        )

    def update(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """25: change the keys in the body, at once and in the configuration file; all of them or none."""
        try:
            properties = parse_properties(request.body_bytes.decode())
        except UnicodeDecodeError:
            return request.reply(ResponseCode.SYSTEM_ERROR, "string2Properties error: the body is not UTF-8")
        except RocketMQError as error:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"string2Properties error: {error}")
        config = self._controller.config
        remark = None
        refusal = self._refusal(properties)
        if refusal is not None:
            return request.reply(ResponseCode.INVALID_PARAMETER, refusal)
        try:
            changed = self.configuration.update(properties, f"{ALWAYS_FORBIDDEN};{config.configBlackList}")
        except ForbiddenKeyError as error:
            return request.reply(ResponseCode.NO_PERMISSION, f"Can not update config in black list. {error}")
        except ConfigError as error:
            return request.reply(ResponseCode.INVALID_PARAMETER, f"{error}; {error.next_step}")
        if changed and not config.brokerConfigPath:
            remark = "in effect until the next start: the broker has no configuration file to keep it in"
        log.info("configuration changed by %s: %s", channel.remote, ", ".join(changed) or "nothing new")
        self._apply(changed)

        async def saved_and_registered() -> RemotingCommand:
            unsaved: RocketMQError | None = None
            try:
                await self.configuration.save(properties, config.brokerConfigPath or None)
            except RocketMQError as error:
                unsaved = error
            if not _REGISTERED_KEYS.isdisjoint(changed):
                self._controller.topics.next_version()
                await self._controller.outer.register_all()
            if unsaved is not None:
                text = f"in effect, but not kept for the next start: {unsaved}"
                return request.reply(ResponseCode.SYSTEM_ERROR, text)
            return request.reply(remark=remark)

        return answer_later(channel, request, saved_and_registered())

    def _refusal(self, properties: dict[str, str]) -> str | None:
        """Why a value that fits its key may not be taken, or None: no later start may fail for it."""
        configs = self.configuration.configs
        named = {name: text for key, text in properties.items() for each in configs if (name := each.find_key(key))}
        role, addresses = named.get("brokerRole"), named.get("namesrvAddr")
        if role is not None and (trim(role) == "SLAVE") != self._controller.is_slave:
            return (
                "a master becomes a slave, and a slave a master, at a start only: change brokerRole and brokerId "
                "in the configuration file and restart the broker"
            )
        if addresses is not None:
            try:
                check_name_servers(addresses)
            except ConfigError as error:
                return f"{error}; {error.next_step}"
        return None

    def _apply(self, changed: list[str]) -> None:
        """Tell those who keep something derived from a key; everybody else reads the configuration each time."""
        self._controller.configuration_changed()
        if "logLevel" in changed:
            before, self._log_level = self._log_level, self._controller.config.logLevel
            apply_levels(self._log_level, before)
        if "messageDelayLevel" in changed:
            self._controller.delay.reload_levels()


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = ConfigAdminProcessor(controller)
    controller.server.register(RequestCode.GET_BROKER_CONFIG, None, admin.get)
    controller.server.register(RequestCode.UPDATE_BROKER_CONFIG, None, admin.update)
