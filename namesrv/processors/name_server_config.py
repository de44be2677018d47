"""The KV configuration (100, 101, 102, 219) and the name server's own properties (318, 319).

Mirrors the configuration part of DefaultRequestProcessor. An unknown key and a value of the wrong type, which
Apache's name server ignores, are refused with what is wrong.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.common.configuration import ForbiddenKeyError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.logs.config import apply_levels
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    DeleteKVConfigRequestHeader,
    GetKVConfigRequestHeader,
    GetKVConfigResponseHeader,
    GetKVListByNamespaceRequestHeader,
    PutKVConfigRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController

log = logging.getLogger(__name__)

#: Read once at the start: where this name server listens, and how it logs and measures.
START_ONLY = frozenset(
    {
        "listenPort", "bindAddress", "serverSocketBacklog", "writeBufferHighWaterMark", "writeBufferLowWaterMark",
        "addressServerPort", "metricsExporterType", "metricsPromExporterPort", "metricsPromExporterHost",
        "metricsLabel", "logFormat", "logFileSize", "logFiles",
    }
)  # fmt: skip
#: Keys that are never changed at run time, whatever configBlackList says.
ALWAYS_FORBIDDEN = "configBlackList;configStorePath;kvConfigPath;rocketmqHome;logDir"


def install(controller: NamesrvController) -> None:
    """Register the handlers."""
    NameServerConfigProcessor(controller).install()


class NameServerConfigProcessor:
    """The handlers."""

    def __init__(self, controller: NamesrvController) -> None:
        self._controller = controller
        self._kv = controller.kv_config
        self._log_level = controller.config.logLevel

    def install(self) -> None:
        """Register them on the controller's server."""
        serve = self._controller.server.serve
        register = self._controller.server.register
        serve(PutKVConfigRequestHeader, self.put_kv)
        serve(GetKVConfigRequestHeader, self.get_kv)
        serve(DeleteKVConfigRequestHeader, self.delete_kv)
        serve(GetKVListByNamespaceRequestHeader, self.list_kv)
        register(RequestCode.UPDATE_NAMESRV_CONFIG, None, self.update_config)
        register(RequestCode.GET_NAMESRV_CONFIG, None, self.get_config)

    def put_kv(self, channel: Channel, request: RemotingCommand, header: PutKVConfigRequestHeader) -> Answer:
        """PUT_KV_CONFIG."""

        async def put() -> RemotingCommand:
            await self._kv.put(header.namespace, header.key, header.value)
            log.info("KV %s %s set by %s", header.namespace, header.key, channel.remote)
            return request.reply()

        return answer_later(channel, request, put())

    def get_kv(self, channel: Channel, request: RemotingCommand, header: GetKVConfigRequestHeader) -> Answer:
        """GET_KV_CONFIG."""
        value = self._kv.get(header.namespace, header.key)
        if value is None:
            remark = f"No config item, Namespace: {header.namespace} Key: {header.key}"
            return request.reply(ResponseCode.QUERY_NOT_FOUND, remark)
        return request.reply(header=GetKVConfigResponseHeader(value=value))

    def delete_kv(self, channel: Channel, request: RemotingCommand, header: DeleteKVConfigRequestHeader) -> Answer:
        """DELETE_KV_CONFIG."""

        async def delete() -> RemotingCommand:
            await self._kv.delete(header.namespace, header.key)
            log.info("KV %s %s deleted by %s", header.namespace, header.key, channel.remote)
            return request.reply()

        return answer_later(channel, request, delete())

    def list_kv(self, channel: Channel, request: RemotingCommand, header: GetKVListByNamespaceRequestHeader) -> Answer:
        """GET_KVLIST_BY_NAMESPACE."""
        table = self._kv.namespace(header.namespace)
        if table is None:
            return request.reply(ResponseCode.QUERY_NOT_FOUND, f"No config item, Namespace: {header.namespace}")
        return request.reply(body=KVTable(table=table).encode())

    def update_config(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """UPDATE_NAMESRV_CONFIG: properties as text; all keys are changed, or none."""
        config = self._controller.config
        try:
            changes = parse_properties(request.body_bytes.decode("utf-8"))
            black_list = f"{ALWAYS_FORBIDDEN};{config.configBlackList}"
            changed = self._controller.configuration.update(changes, black_list)
        except UnicodeDecodeError as error:
            return request.reply(ResponseCode.SYSTEM_ERROR, f"UnsupportedEncodingException {error}")
        except ForbiddenKeyError as error:
            return request.reply(ResponseCode.NO_PERMISSION, f"Can not update config in black list. ({error})")
        except RocketMQError as error:
            return _refusal(request, error)
        log.info("configuration changed by %s: %s", channel.remote, ", ".join(changed) or "nothing")
        if "logLevel" in changed:
            before, self._log_level = self._log_level, config.logLevel
            apply_levels(self._log_level, before)

        async def saved() -> RemotingCommand:
            await self._controller.configuration.save(changes, config.configStorePath)
            return request.reply()

        return answer_later(channel, request, saved())

    def get_config(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """GET_NAMESRV_CONFIG: properties as text."""
        return request.reply(body=self._controller.configuration.text().encode())


def _refusal(request: RemotingCommand, error: RocketMQError) -> RemotingCommand:
    return request.reply(ResponseCode.SYSTEM_ERROR, f"{error}; {error.next_step}")
