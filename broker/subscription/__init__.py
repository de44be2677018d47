"""Consumer groups and the filters of their subscriptions."""
