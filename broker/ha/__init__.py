"""Replication of the commitlog between a master and its slaves, on `haListenPort`."""
