"""Explaining errors and topics: what users meet in answers and logs, and the pages of `mqadmin help`."""
