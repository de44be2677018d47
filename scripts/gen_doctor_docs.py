"""Write docs/doctor.md from the rules' declarations; `--check` only compares.

Run it with the interpreter that has the project installed: `python scripts/gen_doctor_docs.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import generated

from rocketmq_ops.housekeeping.doctor.examine import GIVEN, SUBJECTS, all_rules
from rocketmq_ops.housekeeping.lint.keys import VERSIONS
from rocketmq_ops.housekeeping.lint.rules import RULES
from rocketmq_ops.housekeeping.rules import Declared

TARGET = Path(__file__).parents[1] / "docs" / "doctor.md"
INTRODUCTION = """\
# The doctor's rules

Generated from the declarations in `housekeeping/doctor/` and `housekeeping/lint/` by `scripts/gen_doctor_docs.py`.

`mqadmin doctor [SUBJECT]` asks a cluster of Apache's 4.9 to 5.5, or of the servers here, for its facts: each kind once,
the cheapest first, at most 32 requests at a time, each within `--timeout`. Then it applies the rules below. Nothing is
changed, and no message of a business topic is read. A subject alone asks only for what its rules need.

| option | adds |
|---|---|
| `--config FILE` | the comparison of running brokers with a property file |
| `--to 5.3`, `--to 5.5` | what that version will refuse, ignore or change |
| `--host` | the settings of this machine, where it is a broker's |
| `--apart SECONDS` | a second reading of what moves, as a bundle has one: what stands, fails again, grows |
| `--history FILE` | what the prober saw of hosts in the last hour, out of another history than the cluster's own |
| `--from BUNDLE` | examines what `mqadmin bundle` wrote, and no cluster |
| `--store STORE_DIR` | examines a store directory of this machine, and no cluster |

A finding has `id`, `severity`, `target`, `evidence` and `remedy`; `--output json` has them in `data.findings`, the
worst first. A rule whose facts could not be learned has a finding of the severity `unknown`, with the cause: silence
always means that it looked. At most 2,000 topics of each broker and 1,000 groups are looked at one by one; what lies
beyond is `unknown` too.

| severity | meaning | exit code |
|---|---|---|
| critical | messages are lost, refused, stuck or doubled, or will be soon | 12 |
| warning | it works, and not as it should | 10 |
| unknown | it could not be judged | 5 |
| info | worth knowing; often on purpose | 0 |

The exit code is by the worst finding.

`mqadmin bundle FILE` puts the same facts into a file (JSON, readable by its owner alone), with what moves (figures,
offsets, clients) again after `--apart` seconds (60), with `--logs FOLDER` the last 500 lines of its logs, and with
`--host` the settings of this machine. Values whose key names a secret (in properties, JSON, YAML, XML and command
lines), passwords in URLs, headers that authorize, cookies and PEM blocks are taken out; the file and the output list
where. A value without quotes is taken out to the end of its line. Symbolic links in FOLDER are not followed, and are
named. Of the prober's history it has the last 120 runs, of more than 8,000 queues fewer (a million offsets, and at
least 10 runs: 12 of 80,000 queues, which take 2.5 MB and some 10 s).
"""
LINT = f"""\

## config lint

`mqadmin config lint FILE [--for {"|".join(VERSIONS)}]` applies these to a property file alone, and names the line. It
knows the keys of 4.9.7, 5.3.3, 5.5.0 and of the servers here, with their types (`--for`, by default 5.3). A file is a
broker's or a name server's by whose keys it has more of, or as `--server` says.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for subject in SUBJECTS:
        rules = [rule for rule in all_rules() if rule.subject == subject]
        parts.append(f"\n## {subject}\n")
        parts += section(rules)
        given = [rule.id for rule in rules if GIVEN.intersection(rule.needs)]
        if given and subject != "store":
            named = ", ".join(f"`{rule_id}`" for rule_id in given)
            parts.append(
                f"\nOnly with what they compare with (`--config`, `--host`, `--to`, `--apart`, `--history`): {named}.\n"
            )
    return "".join([*parts, LINT, *section(RULES)])


def section(rules: Iterable[Declared]) -> list[str]:
    """The rules of one subject as a table."""
    rows = [(f"`{rule.id}`", rule.severity, rule.summary, rule.remedy, rule.false_alarms) for rule in rules]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows]
    return ["\n| rule | severity | what is wrong | remedy | false alarms |\n|---|---|---|---|---|\n", *lines]


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {TARGET: page()}))
