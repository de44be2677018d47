"""Hooks of applications into producers and consumers: what they are, and how they are called."""
