"""TLS of clients, by the `tls.client.*` properties of Apache's (TlsHelper.buildSslContext, TlsSystemConfig).

As there, the certificate of a server is not checked unless `tls.client.authServer` is true, and its host name never
is: certificates are made for a cluster. Unlike there, `tls.test.mode.enable` is false where a file does not set it:
Apache's default of true has a file's certificates ignored.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.properties import parse_properties, read_text

#: The setting that takes any certificate of a server and gives none.
ANY_CERTIFICATE = "true"


class TlsError(RocketMQError):
    """The settings of TLS cannot be used."""


def client_context(setting: str) -> ssl.SSLContext:
    """The context for `true`, or for the property file at a path. Raises TlsError, PropertiesError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if setting == ANY_CERTIFICATE:
        return context
    properties = parse_properties(read_text(setting))
    if not _is_true(properties, "tls.test.mode.enable"):
        _use(context, properties, setting)
    return context


def _use(context: ssl.SSLContext, properties: Mapping[str, str], path: str) -> None:
    trusted = properties.get("tls.client.trustCertPath")
    certificate, key = properties.get("tls.client.certPath"), properties.get("tls.client.keyPath")
    if bool(certificate) != bool(key):
        raise TlsError(f"{path} has only one of tls.client.certPath and tls.client.keyPath", "give both, or none")
    if _is_true(properties, "tls.client.authServer"):
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(trusted) if trusted else context.load_default_certs()
        except OSError as error:
            raise _unusable(f"the certificates {trusted} of tls.client.trustCertPath", error) from None
    if certificate and key:
        # A password that is not there must not be asked for on the terminal.
        password = properties.get("tls.client.keyPassword", "")
        try:
            context.load_cert_chain(certificate, key, password=lambda: password)
        except OSError as error:
            raise _unusable(f"the certificate {certificate} with the key {key}", error) from None


def _unusable(what: str, error: OSError) -> TlsError:
    why = (error.strerror or str(error)) if not isinstance(error, ssl.SSLError) else error.reason or str(error)
    return TlsError(
        f"cannot use {what}: {why}", "give PEM files that you may read, and the key's password if it has one"
    )


def _is_true(properties: Mapping[str, str], key: str) -> bool:
    return properties.get(key, "").strip().lower() == "true"
