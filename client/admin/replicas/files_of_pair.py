"""What the property files of a pair say together: of a master that is to be, and of the one that becomes its slave."""

from __future__ import annotations

from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.properties import read_property_file
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig


def tls_between(master_file: str, slave_file: str) -> str | None:
    """Why the slave would not replicate from the master for their keys of TLS, and what to do; None if it would.

    Keys in other files (`tls.config.file`) are not looked at. Raises PropertiesError."""
    master, slave = _tls_in(master_file), _tls_in(slave_file)
    if master.ha_mode == "enforcing" and not slave.replicates_with_tls:
        return (
            f"{master_file} has tls.ha.mode=enforcing, and a slave with {slave_file} has no TLS: set "
            "tls.ha.enable=true there"
        )
    if master.ha_mode == "disabled" and slave.replicates_with_tls:
        return (
            f"a slave with {slave_file} replicates with TLS alone, which {master_file} does not have: set "
            "tls.ha.mode=permissive or enforcing there"
        )
    return None


def _tls_in(path: str) -> TlsSystemConfig:
    config = TlsSystemConfig()
    for entry in read_property_file(path).properties:
        if config.find_key(entry.key) is not None:
            try:
                config.set(entry.key, entry.value)
            except ConfigError:  # the broker says so at its start
                continue
    return config
