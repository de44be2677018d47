"""The command that starts the live dashboard."""
