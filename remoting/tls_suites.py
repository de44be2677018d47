"""Versions of TLS and cipher suites of a context: `tls.protocols` and `tls.ciphers` (TlsHelper.moreTlsConfig).

Suites have Java's names there, which are IANA's; OpenSSL has its own for those before TLS 1.3. TLS 1.0 and 1.1 are
never used, whatever is asked for. Of the suites of TLS 1.3 Python cannot choose.
"""

from __future__ import annotations

import re
import ssl
from typing import Final

from rocketmq_ops.common.errors import RocketMQError

_OLD: Final = ("TLSv1", "TLSv1.1")
_VERSIONS: Final = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
_OF_1_3: Final = frozenset(("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"))
_SUITE: Final = re.compile(
    r"TLS_(?:(ECDHE_RSA|ECDHE_ECDSA|DHE_RSA)|RSA)_WITH_(?:AES_(128|256)_(?:(GCM)|CBC)_(SHA\d*)|(CHACHA20_POLY1305)_SHA256)"
)


class TlsError(RocketMQError):
    """The settings of TLS cannot be used."""


def narrow(context: ssl.SSLContext, protocols: str | None, ciphers: str | None) -> None:
    """Have a context use these alone, names separated by commas; None leaves what is. Raises TlsError."""
    versions = set(_VERSIONS) if protocols is None else _versions(protocols)
    if ciphers is not None:
        names = _names(ciphers)
        new = names & _OF_1_3
        if new and new != _OF_1_3 and "TLSv1.3" in versions:
            raise TlsError(
                f"tls.ciphers: of the suites of TLS 1.3 all are used or none, and {', '.join(sorted(new))} are not all",
                f"name all of {', '.join(sorted(_OF_1_3))}, or leave TLSv1.3 out of tls.protocols",
            )
        if not new:
            versions.discard("TLSv1.3")
        if names - new:
            _set_older(context, names - new)
        else:
            versions.discard("TLSv1.2")
    if not versions:
        raise TlsError(
            "tls.protocols and tls.ciphers leave nothing to be used",
            "name TLSv1.2 or TLSv1.3, and suites of it",
        )
    context.minimum_version = min(_VERSIONS[name] for name in versions)
    context.maximum_version = max(_VERSIONS[name] for name in versions)


def _names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",") if name.strip()}


def _versions(text: str) -> set[str]:
    names = _names(text)
    unknown = names - {*_VERSIONS, *_OLD}
    if unknown:
        raise TlsError(
            f"tls.protocols: {', '.join(sorted(unknown))} is not a version of TLS", "write TLSv1.2, TLSv1.3 or both"
        )
    return names - {*_OLD}


def _set_older(context: ssl.SSLContext, names: set[str]) -> None:
    try:
        context.set_ciphers(":".join(sorted(map(_openssl_name, names))))
    except ssl.SSLError:
        raise TlsError(
            f"tls.ciphers: OpenSSL has none of {', '.join(sorted(names))}",
            "name suites that it has: openssl ciphers -stdname",
        ) from None


def _openssl_name(name: str) -> str:
    found = _SUITE.fullmatch(name)
    if found is None:
        raise TlsError(
            f"tls.ciphers: '{name}' is not a suite that is known here",
            "write names as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, separated by commas",
        )
    exchange, bits, gcm, mac, chacha = found.groups()
    parts = [exchange.replace("_", "-")] if exchange else []
    parts += ["CHACHA20-POLY1305"] if chacha else [f"AES{bits}", *(["GCM"] if gcm else []), mac]
    return "-".join(parts)
