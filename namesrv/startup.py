"""The `mqnamesrv` main: flags, property file, start, one line when ready, stop on a signal (NamesrvStartup)."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Sequence

from rocketmq_ops.common import launch
from rocketmq_ops.common.config import load_config_file, override
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

log = logging.getLogger(__name__)

PROGRAM = "mqnamesrv"
DEFAULT_PORT = 9876


def main(argv: Sequence[str] | None = None) -> None:
    """Run a name server until SIGTERM or SIGINT; exits 0, 1 (could not start) or 2 (wrong flags or configuration)."""
    arguments = sys.argv[1:] if argv is None else argv
    flags = launch.parse_flags(PROGRAM, "Run a RocketMQ name server.", arguments, name_servers=False)
    sys.exit(launch.guarded(PROGRAM, lambda: run(flags), debug=lambda: flags.debug))


def run(flags: launch.Flags) -> int:
    """Configure as `flags` say, then print the configuration or serve. Raises RocketMQError."""
    config, server_config, tls = NamesrvConfig(), NettyServerConfig(listenPort=DEFAULT_PORT), TlsSystemConfig()
    extra: dict[str, str] = {}
    if flags.config_file is not None:
        report = load_config_file(flags.config_file, [config, server_config, tls])
        config.configStorePath = flags.config_file
        launch.warn(PROGRAM, report.warnings())
        extra = report.extra
    report = override(flags.settings, [config, server_config, tls])
    launch.warn(PROGRAM, report.warnings())
    launch.warn(PROGRAM, [*tls.load_file(), *tls.check()])
    extra = {**extra, **report.extra}
    if flags.print_all or flags.print_important:
        sys.stdout.write(launch.configuration_text([config, server_config], only_used=flags.print_important))
        return 0
    launch.name_process(PROGRAM)
    launch.raise_file_limit()
    with launch.logging_as(config, "NAMESRV_FILES", debug=flags.debug):
        return _run(config, server_config, tls, extra)


def _run(config: NamesrvConfig, server_config: NettyServerConfig, tls: TlsSystemConfig, extra: dict[str, str]) -> int:
    # Imported after the flags and the configuration: `-p` and mistakes are answered without the network's modules.
    from rocketmq_ops.namesrv.controller import NamesrvController
    from rocketmq_ops.remoting.event_loop import run as run_loop

    controller = NamesrvController(config, server_config, tls_config=tls, extra=extra)

    async def start() -> None:
        await controller.start()
        gc.collect()
        gc.freeze()

    logged_by = log if config.logDir else None

    def started() -> None:
        launch.print_line(
            "The Name Server boot success. serializeType=JSON, "
            f"address {controller.address}, ready in {launch.process_age_ms()} ms",
            logged_by=logged_by,
        )
        if controller.address_server is not None:
            launch.print_line(f"clients read the addresses of the name servers from {controller.address_server.url}")
        if controller.metrics is not None:
            launch.print_line(f"metrics for Prometheus at {controller.metrics.url}")
        launch.print_line(f"{launch.memory_text()}, grows with brokers and topics; disk: {config.kvConfigPath} alone")

    run_loop(launch.serve(start, started, controller.stop))
    return 0


if __name__ == "__main__":
    main()
