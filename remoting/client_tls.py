"""TLS of what connects: its context, which is made again when its files have changed.

Apache's clients read them once. As on the side of servers, what cannot be used is said and leaves the former in force.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.tls import ANY_CERTIFICATE, client_context_by, client_properties
from rocketmq_ops.remoting.tls_files import TlsFiles

log = logging.getLogger(__name__)

_FILES = ("tls.client.certPath", "tls.client.keyPath", "tls.client.trustCertPath")


class ClientTls:
    """By a setting of `remoting/tls.py`, or by `properties`, whose place `setting` names then.

    Raises TlsError, PropertiesError.
    """

    def __init__(self, setting: str, properties: Mapping[str, str] | None = None) -> None:
        self._setting = setting
        self._given = properties
        self._read()

    def context(self) -> ssl.SSLContext:
        """The context of a connection that is made now."""
        if self._files.changed():
            try:
                self._read()
            except RocketMQError as error:
                log.warning("certificates changed, the former ones stay in use: %s; %s", error, error.next_step)
            else:
                log.info("certificates read again: %s; new connections go by them", self._files)
        return self._context

    def _read(self) -> None:
        properties = client_properties(self._setting) if self._given is None else self._given
        place = self._setting if self._given is None and self._setting != ANY_CERTIFICATE else None
        files = TlsFiles([place, *(properties.get(key) for key in _FILES)])
        self._context = client_context_by(properties, self._setting)
        self._files = files
