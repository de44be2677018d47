"""A broker that is a slave: what it takes over from its master besides the log, and what it does while that is away."""
