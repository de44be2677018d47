"""The producer, and from a message to a send request."""
