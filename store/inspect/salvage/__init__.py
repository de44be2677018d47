"""Saving what can be proven whole into a new store, its proof, and rebuilding derived files."""
