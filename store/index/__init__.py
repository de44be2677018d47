"""The index by key and unique key."""
