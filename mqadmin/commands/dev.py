"""`mqadmin dev`: a name server and a broker in one process, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec

from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import path, port


class DevServerReport(msgspec.Struct, rename="camel"):
    """Where it listened, and its store; `store_removed` says whether that is gone now."""

    namesrv: str
    broker: str
    store_dir: str
    store_removed: bool


@command(
    result=DevServerReport,
    offline=True,
    server=True,
    example="mqadmin dev --namesrv-port 9876 --broker-port 10911",
)
async def dev(
    run: Run,
    namesrv_port: Annotated[
        int, Opt("--namesrv-port", help="port of the name server, 0 is any free one", parse=port)
    ] = 0,
    broker_port: Annotated[
        int | None,
        Opt(
            "--broker-port",
            help="port of the broker, 0 is any free one; by default the property file's, else any",
            parse=port,
        ),
    ] = None,
    store_dir: Annotated[
        str | None,
        Opt("--store-dir", help="folder of the store; by default a scratch folder, removed at the end", parse=path),
    ] = None,
    ready_file: Annotated[
        str | None,
        Opt("--ready-file", help="write the addresses and the pid as JSON into this file when ready", parse=path),
    ] = None,
    config: Annotated[
        str | None, Opt("-c", "--config", help="property file for the broker", parse=path, metavar="FILE")
    ] = None,
    until_stdin_ends: Annotated[
        bool, Opt("--until-stdin-ends", help="stop also when standard input ends, so as not to outlive the caller")
    ] = False,
) -> Outcome:
    """Listens on 127.0.0.1 only, unless the property file sets bindAddress. Stop it with Ctrl-C or SIGTERM."""
    from rocketmq_ops.common import launch
    from rocketmq_ops.mqadmin.dev_server import DevOptions, DevServer

    launch.name_process("mqadmin-dev")
    launch.raise_file_limit()
    options = DevOptions(
        namesrv_port=namesrv_port,
        broker_port=broker_port,
        store_dir=store_dir,
        ready_file=ready_file,
        config_file=config,
    )
    server = DevServer(options)

    def started() -> None:
        # In the other forms stdout is for the one document at the end.
        out = sys.stdout if run.options.output in ("table", "wide") else sys.stderr
        kept = "removed at the end" if server.scratch else "kept"
        lines = [*server.boot_lines, f"export NAMESRV_ADDR={server.namesrv}  # store {server.store_dir}, {kept}"]
        out.write("\n".join(lines) + "\n")
        out.flush()
        launch.warn("mqadmin dev", server.warnings)

    await launch.serve(server.start, started, server.stop, until_stdin_ends=until_stdin_ends)
    report = DevServerReport(server.namesrv, server.broker, server.store_dir, server.scratch)
    return Outcome(data=report, blocks=["stopped"])
