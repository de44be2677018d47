"""The name server: route tables, KV configuration and its request processors."""
