"""Offsets of queues and groups: reading, setting, cloning."""
