"""The configuration keys of TLS (TlsSystemConfig): each key, its type and Apache's default.

Apache's servers read them as Java system properties; here they stand in the property file with the others, or in the
file of `tls.config.file`, which counts more, as there. They are read at the start alone, and no request shows or
changes them: two of them are passwords.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final, Literal

from rocketmq_ops.common.config import PATH, ConfigClass, ConfigError, Form, Used, load_config_file

if TYPE_CHECKING:
    from rocketmq_ops.remoting.client_tls import ClientTls
    from rocketmq_ops.remoting.connecting import Connector

#: Apache's default of `tls.config.file`, which need not be there.
DEFAULT_FILE: Final = "/etc/rocketmq/tls.properties"

_CLIENT_AUTH = Form("one of none, optional, require", lambda text: text.lower() in ("none", "optional", "require"))


TlsMode = Literal["disabled", "permissive", "enforcing"]


class TlsSystemConfig(
    ConfigClass,
    rename={
        "tlsMode": "tls.server.mode",
        "tlsEnable": "tls.enable",
        "tlsConfigFile": "tls.config.file",
        "tlsTestModeEnable": "tls.test.mode.enable",
        "tlsServerNeedClientAuth": "tls.server.need.client.auth",
        "tlsServerKeyPath": "tls.server.keyPath",
        "tlsServerKeyPassword": "tls.server.keyPassword",
        "tlsServerCertPath": "tls.server.certPath",
        "tlsServerAuthClient": "tls.server.authClient",
        "tlsServerTrustCertPath": "tls.server.trustCertPath",
        "tlsClientKeyPath": "tls.client.keyPath",
        "tlsClientKeyPassword": "tls.client.keyPassword",
        "tlsClientCertPath": "tls.client.certPath",
        "tlsClientAuthServer": "tls.client.authServer",
        "tlsClientTrustCertPath": "tls.client.trustCertPath",
        "tlsCiphers": "tls.ciphers",
        "tlsProtocols": "tls.protocols",
        "tlsHaMode": "tls.ha.mode",
        "tlsHaEnable": "tls.ha.enable",
        "tlsHttpMode": "tls.http.mode",
    },
):
    """Keys of TLS; attribute names are Apache's, and so are the keys."""

    # Keys that take effect.
    tlsMode: Annotated[
        TlsMode,
        Used(
            "`permissive`: the ports take connections with TLS and without; `enforcing`: those with TLS alone; "
            "`disabled`: none with TLS"
        ),
    ] = "permissive"
    tlsEnable: Annotated[
        bool | None,
        Used("connect to name servers and brokers with TLS; when not set, with `tls.server.mode=enforcing`"),
    ] = None
    tlsConfigFile: Annotated[
        str, Used("a property file of these keys, which counts more than where else they stand", form=PATH)
    ] = DEFAULT_FILE
    tlsTestModeEnable: Annotated[
        bool | None,
        Used(
            "serve with a certificate that is made when first needed, and signed by itself, and take any of others; "
            "when not set, where no certificate is given",
            because="Apache's is true, with which its servers ignore the certificates that they are given",
        ),
    ] = None
    tlsServerNeedClientAuth: Annotated[
        str,
        Used(
            "`require`: clients must give a certificate; `optional`: it is checked if they do; `none`: they need none",
            form=_CLIENT_AUTH,
        ),
    ] = "none"
    tlsServerKeyPath: Annotated[str | None, Used("PEM file of the server's key", form=PATH)] = None
    tlsServerKeyPassword: Annotated[str | None, Used("the password of the server's key")] = None
    tlsServerCertPath: Annotated[
        str | None,
        Used("PEM file of the server's certificate and those between it and the trusted one", form=PATH),
    ] = None
    tlsServerAuthClient: Annotated[bool, Used("check that certificates of clients are signed by a trusted one")] = False
    tlsServerTrustCertPath: Annotated[
        str | None,
        Used("PEM file of the trusted certificates by which clients' are checked; without it the system's", form=PATH),
    ] = None
    tlsClientKeyPath: Annotated[
        str | None, Used("PEM file of the key with which this server connects to others", form=PATH)
    ] = None
    tlsClientKeyPassword: Annotated[str | None, Used("the password of that key")] = None
    tlsClientCertPath: Annotated[
        str | None, Used("PEM file of the certificate with which this server connects to others", form=PATH)
    ] = None
    tlsClientAuthServer: Annotated[
        bool, Used("check that certificates of the servers it connects to are signed by a trusted one")
    ] = False
    tlsClientTrustCertPath: Annotated[
        str | None,
        Used("PEM file of the trusted certificates by which servers' are checked; without it the system's", form=PATH),
    ] = None

    tlsCiphers: Annotated[
        str | None,
        Used("cipher suites that are used, by IANA's names, separated by commas; without it OpenSSL's"),
    ] = None
    tlsProtocols: Annotated[
        str | None, Used("versions of TLS that are used: `TLSv1.2,TLSv1.3`, as without it, or one of them")
    ] = None

    # Keys that Apache's servers do not have, and ignore.
    tlsHaMode: Annotated[
        TlsMode | None,
        Used(
            "of a broker: `tls.server.mode` of the port for slaves, haListenPort; when not set, `permissive`, or "
            "`disabled` with `tls.server.mode=disabled`. Apache's slaves have no TLS: `enforcing` refuses them; a key "
            "of these servers alone"
        ),
    ] = None
    tlsHaEnable: Annotated[
        bool | None,
        Used(
            "of a slave: replicate from its master with TLS, by the `tls.client.*` keys, or not at all; when not set, "
            "with `tls.ha.mode=enforcing`. Apache's masters have no TLS there; a key of these servers alone"
        ),
    ] = None
    tlsHttpMode: Annotated[
        TlsMode | None,
        Used(
            "`tls.server.mode` of the pages for Prometheus and of the address server (HTTP); when not set, "
            "`permissive`, or `disabled` with `tls.server.mode=disabled`; a key of these servers alone"
        ),
    ] = None

    @property
    def ha_mode(self) -> TlsMode:
        """The mode of the port for slaves."""
        return self.tlsHaMode or self._mode_of_others

    @property
    def http_mode(self) -> TlsMode:
        """The mode of the HTTP pages."""
        return self.tlsHttpMode or self._mode_of_others

    @property
    def _mode_of_others(self) -> TlsMode:
        """Of ports that others than RemotingClients come to: those of Apache's, and who reads a page, may have none."""
        return "disabled" if self.tlsMode == "disabled" else "permissive"

    @property
    def modes(self) -> tuple[TlsMode, ...]:
        """Those of all ports."""
        return self.tlsMode, self.ha_mode, self.http_mode

    @property
    def replicates_with_tls(self) -> bool:
        """Whether a slave connects to its master's port for slaves with TLS."""
        return self.ha_mode == "enforcing" if self.tlsHaEnable is None else self.tlsHaEnable

    @property
    def is_test_mode(self) -> bool:
        """Whether the server's certificate is made, and none of those that are given counts."""
        if self.tlsTestModeEnable is not None:
            return self.tlsTestModeEnable
        return not (self.tlsServerCertPath or self.tlsServerKeyPath)

    @property
    def requires_certificates(self) -> bool:
        """Whether who connects with TLS has to give a certificate that is trusted."""
        return not self.is_test_mode and self.tlsServerNeedClientAuth.lower() == "require"

    @property
    def uses_tls(self) -> bool:
        """Whether this server connects to others with TLS (the default of NettyClientConfig.useTLS)."""
        return self.tlsMode == "enforcing" if self.tlsEnable is None else self.tlsEnable

    def connector(self) -> Connector:
        """What makes connections with TLS, by the keys of the connecting side. Raises TlsError."""
        from rocketmq_ops.remoting.connecting import Connector

        return Connector(tls=self.client_tls().context)

    def client_tls(self) -> ClientTls:
        """What gives the context of connections to others, by the keys of the connecting side. Raises TlsError."""
        from rocketmq_ops.remoting.client_tls import ClientTls

        return ClientTls("the configuration", self.to_properties())

    def load_file(self) -> list[str]:
        """Apply the file of `tls.config.file`, if it is there, and what to say of it. Raises ConfigError."""
        path = self.tlsConfigFile
        if not os.path.exists(path):
            if path == DEFAULT_FILE:
                return []
            raise ConfigError(f"tls.config.file: {path} does not exist", "give the path of a property file")
        return load_config_file(path, [self]).warnings()

    def check(self) -> list[str]:
        """What spans several keys, and what to say of it. Raises ConfigError."""
        if set(self.modes) == {"disabled"}:
            return []
        if self.is_test_mode:
            given = {"tls.server.certPath": self.tlsServerCertPath, "tls.server.keyPath": self.tlsServerKeyPath}
            unused = [key for key, path in given.items() if path]
            if unused:
                return [f"tls.test.mode.enable=true: ignored, as by Apache: {', '.join(unused)}"]
            return []
        for key, path in (("certPath", self.tlsServerCertPath), ("keyPath", self.tlsServerKeyPath)):
            if not path:
                raise ConfigError(
                    f"tls.server.{key} is missing",
                    "give tls.server.certPath and tls.server.keyPath, or tls.test.mode.enable=true to try TLS without",
                )
        asked = self.tlsServerNeedClientAuth.lower()
        if asked != "none" and not self.tlsServerAuthClient:
            raise ConfigError(
                f"tls.server.need.client.auth={asked} without tls.server.authClient=true would take every certificate",
                "set tls.server.authClient=true, and tls.server.trustCertPath",
            )
        if asked == "none" and self.tlsServerAuthClient:
            return ["tls.server.authClient=true checks nothing while tls.server.need.client.auth is none"]
        return []
