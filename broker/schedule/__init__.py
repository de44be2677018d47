"""Delay levels: messages that are delivered later."""
