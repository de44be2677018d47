"""Pulls that wait for a message."""
