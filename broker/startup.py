"""The `mqbroker` main: flags, one property file for four classes, start, one line when ready, stop on a signal.

Mirrors BrokerStartup.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from rocketmq_ops.broker.auth.config import AuthConfig
from rocketmq_ops.broker.config import BrokerConfig, check_name_servers
from rocketmq_ops.common import launch
from rocketmq_ops.common.addresses import EVERY_ADDRESS, MASTER_ID, is_ip_address, is_loopback
from rocketmq_ops.common.config import ApplyReport, ConfigClass, ConfigError, load_config_file, override
from rocketmq_ops.remoting.config import NettyClientConfig, NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig
from rocketmq_ops.store.config import MessageStoreConfig

log = logging.getLogger(__name__)

PROGRAM = "mqbroker"
DEFAULT_PORT = 10911


class BrokerSettings(msgspec.Struct):
    """The six classes that one property file feeds, with Apache's defaults of a started broker."""

    broker: BrokerConfig
    store: MessageStoreConfig
    server: NettyServerConfig
    client: NettyClientConfig
    auth: AuthConfig
    tls: TlsSystemConfig
    #: Keys that somebody set.
    given: set[str] = set()

    @classmethod
    def default(cls) -> BrokerSettings:
        """Port 10911, and an HA port that follows it."""
        return cls(
            BrokerConfig(),
            MessageStoreConfig(haListenPort=0),
            NettyServerConfig(listenPort=DEFAULT_PORT),
            NettyClientConfig(),
            AuthConfig(),
            TlsSystemConfig(),
        )

    def all(self) -> list[ConfigClass]:
        """The classes in the order in which Apache prints them."""
        return [self.broker, self.server, self.client, self.store]

    def fed(self) -> list[ConfigClass]:
        """Those that a property file feeds: as Apache's, keys of access and TLS are not shown, as they hold secrets."""
        return [*self.all(), self.auth, self.tls]

    def load(self, path: str) -> ApplyReport:
        """Apply a property file; changes at run time are written into it from then on. Raises RocketMQError."""
        report = load_config_file(path, self.fed())
        self.given |= report.given
        self.broker.brokerConfigPath = os.path.abspath(path)  # also for who asks from elsewhere
        return report

    def override(self, words: Sequence[str]) -> ApplyReport:
        """Apply `KEY=VALUE` words over the file. Raises ConfigError."""
        report = override(words, self.fed())
        self.given |= report.given
        return report

    def check(self) -> list[str]:
        """What spans several keys (BrokerStartup.buildBrokerController), and what to say of it. Raises ConfigError."""
        check_name_servers(self.broker.namesrvAddr or "")
        slave = self.store.brokerRole == "SLAVE"
        if slave and self.broker.brokerId <= MASTER_ID:
            raise ConfigError(
                f"brokerRole=SLAVE with brokerId={self.broker.brokerId}: 0 is the master's id",
                "give the slave an id above 0, and its master's brokerName",
            )
        self.auth.check()
        notes = [*self.tls.load_file(), *self.tls.check()]
        self.client.useTLS = self.client.useTLS or self.tls.uses_tls
        root = self.store.storePathRootDir
        if os.path.exists(root) and not os.path.isdir(root):
            raise ConfigError(f"storePathRootDir: {root} is a file", "give a folder; it is made when it is not there")
        if not slave and self.broker.brokerId != MASTER_ID:
            notes.append(
                f"brokerId={self.broker.brokerId} is ignored, as by Apache: a master (brokerRole="
                f"{self.store.brokerRole}) has id 0. Beside another master named '{self.broker.brokerName}' this one "
                "would take its place: give it a brokerName of its own"
            )
        if not slave:
            self.broker.brokerId = MASTER_ID
        if self.store.haListenPort <= 0 and self.server.listenPort:
            self.store.haListenPort = self.server.listenPort + 1
        return [*notes, *self._advertise(), *self._open_replication()]

    def _advertise(self) -> list[str]:
        """Advertise the one address that is listened on, unless others are given; what to say where none reaches those.

        Apache's advertises this machine's, on which nothing listens then: its clients, and slaves of this broker, whose
        port is on bindAddress too, find nobody there."""
        host, notes = self.server.bindAddress, list[str]()
        if host in EVERY_ADDRESS:
            return notes
        for key, who in (("brokerIP1", "clients"), ("brokerIP2", "slaves")):
            if key not in self.given:
                setattr(self.broker, key, host)
                continue
            advertised = getattr(self.broker, key)
            if is_loopback(host) and is_ip_address(advertised) and not is_loopback(advertised):
                notes.append(
                    f"bindAddress={host} listens on this machine alone, and {key}={advertised} sends {who} where "
                    f"nothing listens, unless something there passes them on: set {key}={host}, or bindAddress=0.0.0.0"
                )
        return notes

    def _open_replication(self) -> list[str]:
        """What to say where the other ports are guarded and that of replication is not."""
        access, tls = self.broker.aclEnable or self.auth.authenticationEnabled, self.tls
        enforced = tls.ha_mode == "enforcing"
        open_for = [
            *(["knows no access"] if access and not (enforced and tls.requires_certificates) else []),
            *(["takes connections without TLS"] if tls.tlsMode == "enforcing" and not enforced else []),
        ]
        if not open_for or self.store.haAllowedAddresses or is_loopback(self.server.bindAddress):
            return []
        return [
            f"haListenPort={self.store.haListenPort} {' and '.join(open_for)}, as Apache's: whoever reaches it gets "
            "every message. Close it to all but the brokers, and name these in haAllowedAddresses, or have them give "
            "certificates: tls.ha.mode=enforcing with tls.server.need.client.auth=require"
        ]


def main(argv: Sequence[str] | None = None) -> None:
    """Run a broker until SIGTERM or SIGINT; exits 0, 1 (could not start) or 2 (wrong flags or configuration)."""
    arguments = sys.argv[1:] if argv is None else argv
    flags = launch.parse_flags(PROGRAM, "Run a RocketMQ broker.", arguments, name_servers=True)
    sys.exit(launch.guarded(PROGRAM, lambda: run(flags), debug=lambda: flags.debug))


def run(flags: launch.Flags) -> int:
    """Configure as `flags` say, then print the configuration or serve. Raises RocketMQError."""
    settings = BrokerSettings.default()
    if flags.config_file is not None:
        launch.warn(PROGRAM, settings.load(flags.config_file).warnings())
    launch.warn(PROGRAM, settings.override(flags.settings).warnings())
    if flags.name_servers is not None:
        settings.broker.namesrvAddr = flags.name_servers
    launch.warn(PROGRAM, settings.check())
    if flags.print_all or flags.print_important:
        sys.stdout.write(launch.configuration_text(settings.all(), only_used=flags.print_important))
        return 0
    return _serve(settings, debug=flags.debug)


def boot_line(broker_name: str, address: str, name_servers: str | None) -> str:
    """The line that says the broker is ready; scripts look for `boot success`."""
    line = f"The broker[{broker_name}, {address}] boot success. serializeType=JSON"
    if name_servers:
        line += f" and name server is {name_servers}"
    return f"{line}, ready in {launch.process_age_ms()} ms"


def use_line(store: MessageStoreConfig) -> str:
    """The line behind the boot line: what memory and disk the broker uses and will use."""
    from rocketmq_ops.store.files.filesystem import OsFileSystem
    from rocketmq_ops.store.footprint import footprint

    usage = OsFileSystem().disk_usage(store.storePathCommitLog or store.storePathRootDir)
    return f"{launch.memory_text()}, and free memory as page cache of its files; {footprint(store, usage)}"


def _serve(settings: BrokerSettings, *, debug: bool) -> int:
    launch.name_process(PROGRAM)
    with suppress(AttributeError, OSError, RuntimeError, ValueError):  # there may be no stderr
        faulthandler.enable()  # a mapped file that is cut short ends the process, which then says by which signal
    launch.raise_file_limit()
    with launch.logging_as(settings.broker, "BROKER_FILES", debug=debug):
        return _run(settings)


def _run(settings: BrokerSettings) -> int:
    # Imported after the flags and the configuration: `-p` and mistakes are answered without the broker's modules.
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.remoting.event_loop import run as run_loop

    controller = BrokerController(
        settings.broker, settings.store, settings.server, settings.client, settings.auth, settings.tls
    )

    logged_by = log if settings.broker.logDir else None

    def started() -> None:
        name_servers = settings.broker.namesrvAddr or ";".join(controller.outer.name_servers)
        launch.print_line(boot_line(settings.broker.brokerName, controller.address, name_servers), logged_by=logged_by)
        launch.print_line(use_line(settings.store))
        if controller.metrics is not None:
            launch.print_line(f"metrics for Prometheus at {controller.metrics.url}")

    run_loop(launch.serve(controller.start, started, controller.stop))
    return 0


if __name__ == "__main__":
    main()
