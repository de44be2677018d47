"""Replication, controllers and broker containers."""
