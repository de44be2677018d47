"""A bundle: what the doctor would ask a cluster, in one file, to be examined elsewhere; secrets are taken out of it."""
