"""Files that users hand to a command."""
