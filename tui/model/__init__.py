"""What the dashboard knows and derives, without a terminal: samples, their history, states, tables."""
