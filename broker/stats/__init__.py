"""Figures of the broker: puts and gets by topic and group, and the table of `brokerStatus`."""
