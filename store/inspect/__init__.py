"""Offline, read-only inspection of a store directory. Nothing here writes into the store that it reads."""
