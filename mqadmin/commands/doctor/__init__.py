"""Commands that examine: a cluster, a property file."""
