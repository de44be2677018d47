"""The lint of property files: keys and values of a file against what a version of the servers knows."""
