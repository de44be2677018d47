"""The broker's state on the disk: JSON tables, their files, and answers that wait for a change to be durable."""
