"""A certificate that is signed by itself, for trying TLS without one (Netty's SelfSignedCertificate).

The command `openssl` makes it: Python's own library makes none, and a package that does would be a second copy of
OpenSSL for a test mode. The key is on an elliptic curve: made in milliseconds, and a handshake with it costs a tenth.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile
from typing import Final

from rocketmq_ops.remoting.tls_suites import TlsError

TIMEOUT_SECONDS: Final = 20
#: In place of the system's configuration, which may ask for names or not be there.
_CONFIGURATION: Final = "[req]\ndistinguished_name=name\n[name]\n"
_COMMAND: Final = [
    *("openssl", "req", "-x509", "-config", "configuration", "-subj", "/CN=localhost", "-days", "3650", "-nodes"),
    *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "key", "-out", "certificate"),
]
_NEXT_STEP: Final = "install openssl, or give tls.server.certPath and tls.server.keyPath"


def self_signed_context() -> ssl.SSLContext:
    """The context of a server with a new key, which no file keeps. Takes some 20 ms. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="rocketmq-ops-tls-") as folder:
        with open(os.path.join(folder, "configuration"), "w") as file:
            file.write(_CONFIGURATION)
        try:
            subprocess.run(
                _COMMAND, check=True, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=TIMEOUT_SECONDS,
            )  # fmt: skip
            context.load_cert_chain(os.path.join(folder, "certificate"), os.path.join(folder, "key"))
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or [f"it ended with {error.returncode}"]
            raise TlsError(f"openssl cannot make a certificate: {lines[-1]}", _NEXT_STEP) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise TlsError(f"cannot make a certificate with the command openssl: {why}", _NEXT_STEP) from None
    return context
