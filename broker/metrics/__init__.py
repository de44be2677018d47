"""Metrics of the broker for Prometheus, under the names of Apache's: what is counted anyway, read when asked for."""
