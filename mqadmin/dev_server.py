"""A name server and a broker in one process, for development and CI: what `mqadmin dev` runs.

Everything listens on 127.0.0.1 unless the property file says otherwise. Without a store folder a scratch one is made
and removed at the end. How the command looks is in `commands/dev.py`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile

import msgspec

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.startup import BrokerSettings, boot_line
from rocketmq_ops.common.addresses import EVERY_ADDRESS, parse_address
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.launch import process_age_ms
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.files.store_lock import StoreLockedError

LOOPBACK = "127.0.0.1"
BROKER_NAME = "broker-a"
#: A port that was found free may be taken before it is bound: with any port wanted, that is tried so often.
BIND_ATTEMPTS = 5


class DevOptions(msgspec.Struct, kw_only=True):
    """What the command line says. Ports: 0 is any free one, None the property file's (any without one)."""

    namesrv_port: int = 0
    broker_port: int | None = None
    store_dir: str | None = None
    ready_file: str | None = None
    config_file: str | None = None


class DevServer:
    """The pair. `start` raises RocketMQError or OSError, and then leaves nothing behind."""

    def __init__(self, options: DevOptions) -> None:
        self._options = options
        self._stack = contextlib.AsyncExitStack()
        self.store_dir = ""
        self.namesrv = ""
        self.broker = ""
        self.warnings: list[str] = []
        self.boot_lines: list[str] = []

    @property
    def scratch(self) -> bool:
        """Whether the store goes when the server stops."""
        return self._options.store_dir is None

    async def start(self) -> None:
        """Start both; write the ready file when both answer."""
        self._forget_ready_file()
        try:
            self._make_store_dir()
            await self._start_namesrv()
            await self._start_broker()
            self._write_ready_file()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the broker, then the name server; remove the ready file and a scratch store."""
        await self._stack.aclose()

    def _make_store_dir(self) -> None:
        if self._options.store_dir is None:
            self.store_dir = tempfile.mkdtemp(prefix="rocketmq-dev-")
            self._stack.callback(shutil.rmtree, self.store_dir, ignore_errors=True)
        else:
            self.store_dir = os.path.abspath(self._options.store_dir)
            os.makedirs(self.store_dir, exist_ok=True)

    async def _start_namesrv(self) -> None:
        files = os.path.join(self.store_dir, "namesrv")
        config = NamesrvConfig(
            kvConfigPath=os.path.join(files, "kvConfig.json"),
            configStorePath=os.path.join(files, "namesrv.properties"),
        )
        server_config = NettyServerConfig(bindAddress=LOOPBACK, listenPort=self._options.namesrv_port)
        controller = NamesrvController(config, server_config, tls_config=self._tls())
        self._stack.push_async_callback(controller.stop)
        await controller.start()
        self.namesrv = controller.address
        self.boot_lines.append(
            f"The Name Server boot success. serializeType=JSON, address {self.namesrv}, ready in {process_age_ms()} ms"
        )

    def _tls(self) -> TlsSystemConfig:
        """What the broker's file says of TLS, which goes for both."""
        settings = BrokerSettings.default()
        if self._options.config_file is not None:
            settings.load(self._options.config_file)
        settings.tls.load_file()
        settings.tls.check()
        return settings.tls

    async def _start_broker(self) -> None:
        attempts = BIND_ATTEMPTS
        while True:
            settings = self._settings()
            any_port = settings.server.listenPort == 0
            controller = BrokerController(
                settings.broker, settings.store, settings.server, settings.client, settings.auth, settings.tls
            )
            try:
                await controller.start()
                break
            except StoreLockedError as error:
                raise RocketMQError(
                    error.cause, "stop what runs on it, or give this server another --store-dir (without one it makes "
                    "a new one)"
                ) from error  # fmt: skip
            except RemotingConnectError:
                attempts -= 1
                if not any_port or not attempts:
                    raise
        self._stack.push_async_callback(controller.stop)
        self.broker = controller.address
        self.boot_lines.append(boot_line(settings.broker.brokerName, self.broker, self.namesrv))

    def _settings(self) -> BrokerSettings:
        settings = BrokerSettings.default()
        settings.server.bindAddress = LOOPBACK
        settings.server.listenPort = 0
        settings.broker.brokerIP1 = settings.broker.brokerIP2 = LOOPBACK
        settings.broker.brokerName = BROKER_NAME
        if self._options.config_file is not None:
            self.warnings = settings.load(self._options.config_file).warnings() + self._not_taken(settings)
            # Changes at run time end with this server: a file that belongs to a project stays as it is.
            settings.broker.brokerConfigPath = None
        if self._options.broker_port is not None:
            settings.server.listenPort = self._options.broker_port
        settings.store.storePathRootDir = self.store_dir
        settings.store.storePathCommitLog = None
        settings.broker.namesrvAddr = self.namesrv
        self.warnings += settings.check()
        return settings

    def _not_taken(self, settings: BrokerSettings) -> list[str]:
        """What the property file says and this server decides itself."""
        ignored = []
        for config, key in (
            (settings.store, "storePathRootDir"),
            (settings.store, "storePathCommitLog"),
            (settings.broker, "namesrvAddr"),
        ):
            if key in config.diff():
                ignored.append(key)
        if not ignored:
            return []
        return [f"{', '.join(ignored)} of the property file not used: name server and store are this server's own"]

    def _write_ready_file(self) -> None:
        path = self._options.ready_file
        if path is None:
            return
        ready = {"namesrv": _loopback(self.namesrv), "broker": _loopback(self.broker), "pid": os.getpid()}
        partial = f"{path}.{os.getpid()}.tmp"
        with open(partial, "wb") as file:
            file.write(msgspec.json.encode(ready) + b"\n")
        os.replace(partial, path)
        self._stack.callback(self._forget_ready_file)

    def _forget_ready_file(self) -> None:
        if self._options.ready_file is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._options.ready_file)


def _loopback(address: str) -> str:
    """An address that can be connected to from this machine."""
    host, port = parse_address(address)
    return f"{LOOPBACK}:{port}" if host in EVERY_ADDRESS else address
