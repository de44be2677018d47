"""What the broker reports to its name servers."""
