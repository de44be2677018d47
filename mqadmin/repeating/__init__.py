"""Commands that show something again and again."""
