"""How commands show messages, and which of them."""
