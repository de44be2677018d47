"""The contexts of TLS, of clients and servers, by Apache's properties (TlsHelper.buildSslContext, TlsSystemConfig).

As there, the certificate of a server is not checked unless `tls.client.authServer` is true, and its host name never
is: certificates are made for a cluster. Unlike there, `tls.test.mode.enable` is false where certificates are given and
it is not: Apache's default of true has them ignored.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rocketmq_ops.common.properties import parse_properties, read_text
from rocketmq_ops.remoting.tls_suites import TlsError, narrow

if TYPE_CHECKING:
    from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig  # of servers, which have one

#: The setting that takes any certificate of a server and gives none.
ANY_CERTIFICATE = "true"
#: What Python adds to OpenSSL's words.
_IN_SOURCE = re.compile(r" \(_ssl\.c:\d+\)$")


def client_context(setting: str) -> ssl.SSLContext:
    """The context for `true`, or for the property file at a path. Raises TlsError, PropertiesError."""
    return client_context_by(client_properties(setting), setting)


def client_properties(setting: str) -> dict[str, str]:
    """The properties that a setting stands for. Raises PropertiesError."""
    return {} if setting == ANY_CERTIFICATE else parse_properties(read_text(setting))


def client_context_by(properties: Mapping[str, str], place: str) -> ssl.SSLContext:
    """The context for the `tls.client.*` in properties; `place` names where they stand. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    narrow(context, properties.get("tls.protocols"), properties.get("tls.ciphers"))
    if _is_true(properties, "tls.test.mode.enable"):
        return context
    trusted = properties.get("tls.client.trustCertPath")
    certificate, key = properties.get("tls.client.certPath"), properties.get("tls.client.keyPath")
    if bool(certificate) != bool(key):
        raise TlsError(f"{place} has only one of tls.client.certPath and tls.client.keyPath", "give both, or none")
    if _is_true(properties, "tls.client.authServer"):
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, trusted, "tls.client.trustCertPath", ssl.Purpose.SERVER_AUTH)
    if certificate and key:
        _identify(context, certificate, key, properties.get("tls.client.keyPassword", ""))
    return context


def server_context(config: TlsSystemConfig) -> ssl.SSLContext:
    """The context of a server with certificates of its own. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert config.tlsServerCertPath and config.tlsServerKeyPath  # looked at in TlsSystemConfig.check
    _identify(context, config.tlsServerCertPath, config.tlsServerKeyPath, config.tlsServerKeyPassword or "")
    narrow(context, config.tlsProtocols, config.tlsCiphers)
    asked = config.tlsServerNeedClientAuth.lower()
    if asked != "none":
        context.verify_mode = ssl.CERT_REQUIRED if asked == "require" else ssl.CERT_OPTIONAL
        _trust(context, config.tlsServerTrustCertPath, "tls.server.trustCertPath", ssl.Purpose.CLIENT_AUTH)
    return context


def _trust(context: ssl.SSLContext, trusted: str | None, key: str, purpose: ssl.Purpose) -> None:
    try:
        context.load_verify_locations(trusted) if trusted else context.load_default_certs(purpose)
    except OSError as error:
        raise _unusable(f"the certificates {trusted} of {key}", error) from None


def _identify(context: ssl.SSLContext, certificate: str, key: str, password: str) -> None:
    try:
        # A password that is not there must not be asked for on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: password)
    except OSError as error:
        raise _unusable(f"the certificate {certificate} with the key {key}", error) from None


def _unusable(what: str, error: OSError) -> TlsError:
    return TlsError(
        f"cannot use {what}: {reason_of(error)}",
        "give PEM files that you may read, and the key's password if it has one",
    )


def reason_of(error: OSError) -> str:
    """What the system or TLS says, without numbers and places in OpenSSL's source."""
    if isinstance(error, ssl.SSLError):
        if "PEM lib" in str(error):  # OpenSSL's word for a file in which it finds nothing
            return "not in PEM form"
        return getattr(error, "verify_message", None) or error.reason or _IN_SOURCE.sub("", str(error.args[-1]))
    return error.strerror or str(error)


def _is_true(properties: Mapping[str, str], key: str) -> bool:
    return properties.get(key, "").strip().lower() == "true"
