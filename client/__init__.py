"""Typed asyncio clients: producer, pull and push consumer, and the admin client."""
