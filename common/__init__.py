"""Shared ground: message model and codec, names, addresses, configuration machinery. Imports nothing of ours."""
