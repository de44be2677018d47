"""Hooks of other packages into the broker's requests: what they are, and how they are called."""
