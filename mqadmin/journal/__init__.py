"""The journal of changes: an append-only, hash-chained file of what was changed, with the state before."""
