"""The consumequeue, and finding offsets by time in it."""
