"""Timers: messages with a time of delivery of their own, which wait in the timer topic and the files of the store."""
