"""What the lint finds of the keys of TLS (TlsSystemConfig): where nobody reads them, and what contradicts what.

Apache's servers take them as Java system properties or, all but three, from the file of `tls.config.file`; those here
from the property file too. How they are put together is TlsHelper.buildSslContext.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from rocketmq_ops.housekeeping.lint.file import TLS, LineHit, Linted
from rocketmq_ops.remoting.tls_suites import TlsError, narrow

_SERVER = ("tls.server.certPath", "tls.server.keyPath")
_CLIENT = ("tls.client.certPath", "tls.client.keyPath")


def system_properties(linted: Linted) -> Iterator[LineHit]:
    """Keys of TLS that are ignored where they stand."""
    for entry in linted.file.properties:
        if entry.key in linted.system_properties:
            evidence = f"'{entry.key}' is ignored in this file: Apache's servers read it as a Java system property"
            yield linted.hit(entry, evidence, "give it in JAVA_OPT as -DKEY=VALUE" if linted.server == TLS else "")


def contradictions(linted: Linted) -> Iterator[LineHit]:
    """Keys that do nothing, or something else, because of others."""
    if _SERVER[0] not in linted.known:
        return
    yield from _test_mode(linted)
    yield from _unusable(linted)
    yield from _other_ports(linted)
    for pair in (_SERVER, _CLIENT):
        given = [entry for key in pair if (entry := linted.line(key)) is not None and entry.value.strip()]
        if len(given) == 1 and not (pair is _SERVER and _in_test_mode(linted)):
            (missing,) = set(pair) - {given[0].key}
            yield linted.hit(given[0], f"{given[0].key} without {missing}: no connection with TLS can be made")
    asked = (linted.value("tls.server.need.client.auth") or "none").lower()
    checks = (linted.value("tls.server.authClient") or "false").lower() == "true"
    entry = linted.line("tls.server.need.client.auth")
    if entry is not None and asked in ("require", "optional") and not checks:
        evidence = f"{entry.key}={asked} without tls.server.authClient=true: Apache's servers take every certificate"
        yield linted.hit(entry, evidence, "set tls.server.authClient=true, and tls.server.trustCertPath")
    entry = linted.line("tls.server.authClient")
    if entry is not None and checks and asked == "none":
        evidence = "tls.server.authClient=true checks nothing while tls.server.need.client.auth is none"
        yield linted.hit(entry, evidence, "set tls.server.need.client.auth=require")


def _other_ports(linted: Linted) -> Iterator[LineHit]:
    """Ports that `tls.server.mode` is not for, and whose mode nobody has decided on."""
    entry = linted.line("tls.server.mode")
    if linted.version != "ours" or entry is None or entry.value.strip() != "enforcing":
        return
    ports = {"tls.ha.mode": "haListenPort"} if linted.server == "broker" else {}
    if (linted.value("metricsExporterType") or "").strip() == "PROM":
        ports["tls.http.mode"] = "metricsPromExporterPort"
    elif (linted.value("addressServerPort") or "0").strip() != "0":
        ports["tls.http.mode"] = "addressServerPort"
    for key, port in ports.items():
        if linted.line(key) is None:
            evidence = f"tls.server.mode=enforcing leaves {port} open for connections without TLS"
            remedy = f"set {key}=enforcing, or {key}=permissive where they are wanted"
            yield linted.hit(entry, evidence, remedy)


def _unusable(linted: Linted) -> Iterator[LineHit]:
    """Versions and suites that the servers here cannot use; Apache's have those of their Java."""
    given = [entry for key in ("tls.protocols", "tls.ciphers") if (entry := linted.line(key)) is not None]
    if linted.version != "ours" or not given:
        return
    values = {entry.key: entry.value for entry in given}
    try:
        narrow(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), values.get("tls.protocols"), values.get("tls.ciphers"))
    except TlsError as error:
        yield linted.hit(given[0], f"the server does not start: {error}", error.next_step)


def _in_test_mode(linted: Linted) -> bool:
    """Apache's default; of the servers here only where it is written."""
    entry = linted.line("tls.test.mode.enable")
    if entry is None:
        return linted.version != "ours"
    return entry.value.strip().lower() == "true"


def _test_mode(linted: Linted) -> Iterator[LineHit]:
    given = [entry for key in (*_SERVER, *_CLIENT) if (entry := linted.line(key)) is not None]
    if given and _in_test_mode(linted):
        why = "is true" if linted.line("tls.test.mode.enable") else "is not set, and true by default"
        evidence = f"{given[0].key} is ignored: tls.test.mode.enable {why}"
        yield linted.hit(given[0], evidence, "set tls.test.mode.enable=false")
