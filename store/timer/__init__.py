"""The files of messages that have a time of delivery of their own: wheel, log and checkpoint."""
