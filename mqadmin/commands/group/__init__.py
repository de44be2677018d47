"""Commands on consumer groups that stand on the history of a cluster."""
