"""Consumer groups: configuration, progress, clients' state, monitoring."""
