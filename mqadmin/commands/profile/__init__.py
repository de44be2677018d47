"""Commands on profiles: named sets of name servers and credentials."""
