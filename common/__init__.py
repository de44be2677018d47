"""Shared ground: message model, on-disk and on-wire message codec, topic rules, configuration machinery. Imports nothing of ours."""
