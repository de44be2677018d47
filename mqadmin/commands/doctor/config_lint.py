"""`mqadmin config lint`: what is wrong with a property file, line by line."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.housekeeping.lint.file import TLS, read
from rocketmq_ops.housekeeping.lint.keys import VERSIONS
from rocketmq_ops.housekeeping.lint.rules import LineFinding, lint
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.local import GivenFile
from rocketmq_ops.mqadmin.render.findings import counts_of, exit_of, finding_blocks
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of

DEFAULT_VERSION = "5.3"
_SERVERS = {"broker": "broker", "namesrv": "name server", "tls": TLS}


class ConfigLint(msgspec.Struct, rename="camel", kw_only=True):
    """`version`: the one the file was judged for; `server`: whose file it is; `findings` in the order of lines."""

    file: str
    version: str
    server: str
    keys: int
    counts: dict[str, int]
    findings: list[LineFinding]


@command(result=ConfigLint, rows="findings", name="target", offline=True, example="mqadmin config lint broker.conf")
async def config_lint(
    run: Run,
    file: Annotated[GivenFile, "property file of a broker, a name server, or of TLS"],
    version: Annotated[
        str,
        Opt("--for", help="the servers that will read it: 4.9, 5.3 (default), 5.5 or ours", parse=one_of(*VERSIONS)),
    ] = DEFAULT_VERSION,
    server: Annotated[
        str | None,
        Opt(
            "--server",
            help="broker, namesrv, or tls (the file of tls.config.file); by default whose keys it has more of",
            parse=one_of(*_SERVERS),
        ),
    ] = None,
) -> Outcome:
    """Keys, spellings, types, units, ranges and contradictions, each with its line.

    The exit code is by the worst finding: 12 critical (the value does not count, or the server does not start),
    10 warning, 0 for less.
    """
    linted = read(file, version, _SERVERS[server] if server is not None else None)
    findings = lint(linted)
    report = ConfigLint(
        file=file,
        version=version,
        server=linted.server,
        keys=len(linted.file.properties),
        counts=counts_of(findings),
        findings=findings,
    )
    head = f"{plural(len(linted.file.properties), 'key', 'keys')} of a {linted.server}, for {VERSIONS[version]}"
    return Outcome(data=report, blocks=[head, *finding_blocks(findings)], exit_code=exit_of(findings))
