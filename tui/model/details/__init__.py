"""The screens of one thing, without a terminal: what each asks, and the parts that it shows of the answers."""
