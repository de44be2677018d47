"""Logs of a server: levels that change while it runs, and files with rotation, written by a thread."""
