"""Topics: reading, changing, order configuration, static topics."""
