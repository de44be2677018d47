"""What the broker says to its name servers."""
