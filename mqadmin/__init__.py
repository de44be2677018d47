"""The `mqadmin` command tree."""
