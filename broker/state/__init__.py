"""The broker's state on the disk: its JSON tables, and answers that wait for a change to be durable."""
