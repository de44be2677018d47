"""Findings of a store check as SARIF 2.1.0, which code-scanning and review tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rocketmq_ops import __version__
from rocketmq_ops.store.inspect.check.catalogue import CATALOGUE
from rocketmq_ops.store.inspect.check.findings import Finding, Severity

_LEVELS = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error", Severity.CRITICAL: "error"}


def sarif(findings: list[Finding], root: str) -> str:
    """The document; locations are relative to the store directory `root`, regions are in bytes."""
    used = sorted({finding.id for finding in findings})
    rules = [
        {
            "id": kind,
            "shortDescription": {"text": CATALOGUE[kind].title},
            "fullDescription": {"text": CATALOGUE[kind].explanation},
            "help": {"text": CATALOGUE[kind].action},
            "defaultConfiguration": {"level": _LEVELS[CATALOGUE[kind].severity]},
        }
        for kind in used
    ]
    driver = {"name": "mqadmin store check", "version": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {"STORE": {"uri": Path(root).resolve().as_uri() + "/"}},
        "results": [_result(finding, used) for finding in findings],
    }
    document = {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": finding.file or ".", "uriBaseId": "STORE"}}
    if finding.position is not None:
        place["region"] = {"byteOffset": finding.position, **({"byteLength": finding.length} if finding.length else {})}
    return {
        "ruleId": finding.id,
        "ruleIndex": rules.index(finding.id),
        "level": _LEVELS[Severity[finding.severity.upper()]],
        "message": {"text": f"{finding.message}. To do: {finding.action}"},
        "locations": [{"physicalLocation": place}],
        "properties": {"severity": finding.severity, "evidence": finding.evidence, "commitlogOffset": finding.offset},
    }
