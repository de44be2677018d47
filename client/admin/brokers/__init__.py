"""Brokers and name servers: figures, configuration, cleaning, exports."""
