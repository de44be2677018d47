"""Who is connected: producers, consumers, their channels and queue locks, and requests to them."""
