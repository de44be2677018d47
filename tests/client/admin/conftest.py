"""The command line over a transport, for what commands tell of the calls tested here."""

from tests.mqadmin.conftest import cli

__all__ = ["cli"]
