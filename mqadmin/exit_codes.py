"""The exit codes of every command, and what each means. docs/exit-codes.md is generated from this table."""

from __future__ import annotations

from rocketmq_ops.mqadmin.lang import tr

TYPE_CHECKING = False  # type checkers take it as true; every command line imports this
if TYPE_CHECKING:
    from enum import IntEnum as CodeTable
else:
    from rocketmq_ops.common.code_table import CodeTable


class ExitCode(CodeTable):
    """What the process returns. A failure never returns 0."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CANNOT_CONNECT = 3
    NOT_FOUND = 4
    PARTIAL = 5
    REFUSED = 6
    TIMEOUT = 7
    NO_EFFECT = 8
    DIFFERENT = 9
    STORE_WARNING = 10
    STORE_ERROR = 11
    STORE_CRITICAL = 12
    NOT_IN_THIS_VERSION = 13
    UNSUPPORTED = 14
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class PluginCode(CodeTable):
    """What monitoring systems expect of a check, as Nagios has defined it. Of commands declared `monitoring` only."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "Done and, for a change, read back. The output says when a list is empty or a setting is so already.",
    ExitCode.FAILED: "A server answered with an error, the answer could not be understood, or `dev` could not start.",
    ExitCode.USAGE: "The command line is wrong: unknown command or option, a missing or bad value, no name server.",
    ExitCode.CANNOT_CONNECT: "No connection: refused, unreachable, name not resolved, or closed while waiting; "
    "or no broker is registered that could be asked.",
    ExitCode.NOT_FOUND: "What was named does not exist (topic, group, broker, message, store ...), or no client is "
    "online.",
    ExitCode.PARTIAL: "Some servers answered or changed, others failed; or some messages or records cannot be read. "
    "Each failure is listed. `doctor`: the worst finding is that something could not be judged.",
    ExitCode.REFUSED: "Refused: no permission, a bad signature, a value the server does not accept, or a change "
    "that would lose something and was not forced.",
    ExitCode.TIMEOUT: "No answer within --timeout. A change may or may not have happened.",
    ExitCode.NO_EFFECT: "Nothing happened: what should go is not there, no offset moved, or it reads back as before.",
    ExitCode.DIFFERENT: "What was compared is not the same (`store diff`).",
    ExitCode.STORE_WARNING: "`store check`: the worst finding is a warning, which a broker copes with. `store "
    "predict`: messages will not be found by key any more. `doctor`, `config lint`: the worst finding is a warning.",
    ExitCode.STORE_ERROR: "`store check`: the worst finding is an error: something cannot be served as it was stored. "
    "`store verify`: the proof does not hold.",
    ExitCode.STORE_CRITICAL: "`store check`, `store predict`: a broker will refuse to start, or will cut off messages. "
    "`doctor`, `config lint`: the worst finding is critical.",
    ExitCode.NOT_IN_THIS_VERSION: "The command is one of Apache's mqadmin that this version does not have.",
    ExitCode.UNSUPPORTED: "The server does not have what the command needs: its version lacks the feature (the error "
    "names the feature, the server's version and the first that has it), its configuration turns it "
    "off, or it is another kind of server.",
    ExitCode.INTERRUPTED: "Interrupted with Ctrl-C; `shell` also with SIGTERM while it ran a line.",
    ExitCode.BROKEN_PIPE: "The reader of the output went away (as in `| head`).",
}


def markdown() -> str:
    """The text of docs/exit-codes.md, or that page in the language of the reader."""
    lines = [
        tr("# Exit codes of mqadmin"),
        "",
        tr("Generated from `mqadmin/exit_codes.py` by `python -m rocketmq_ops.mqadmin.reference`."),
        "",
        tr("| code | name | meaning |"),
        "|---:|---|---|",
    ]
    lines += [f"| {code.value} | {code.name} | {tr(MEANINGS[code])} |" for code in ExitCode]
    lines += [
        "",
        tr("The cause and the next step of a failure are printed on stderr; a stack trace only with `--debug`."),
        tr(
            "With `--output json` or `yaml` stdout holds one document in every case, whose `status` is one of\n"
            "`ok`, `empty`, `unchanged`, `planned`, `partial`, `no_effect` or `failed`."
        ),
        "",
        tr(
            "Checks for monitoring (`ping`, `probe`) have the codes of Nagios plugins instead: 0 OK, 1 WARNING,\n"
            "2 CRITICAL, 3 UNKNOWN, which is also what a wrong command line and a failure to look at all give."
        ),
    ]
    return "\n".join(lines) + "\n"
