"""How the broker shares out queues for groups that ask it to."""
