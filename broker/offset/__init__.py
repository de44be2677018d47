"""Consumer offsets, and how far queues and groups are."""
