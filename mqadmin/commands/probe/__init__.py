"""Commands of the prober."""
