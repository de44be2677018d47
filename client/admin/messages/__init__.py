"""Messages: finding, sending, probing, tracing."""
