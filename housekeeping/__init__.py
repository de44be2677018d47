"""Housekeeping: what watches a cluster and its hosts: prober, doctor, history of offsets, and the host's settings.

A library without output and without a command line: what it finds is typed, and mqadmin shows it. It stands on the
client and, for stores, on the inspector. What a package here finds wrong is a `Finding`; see `findings.py`.
"""
