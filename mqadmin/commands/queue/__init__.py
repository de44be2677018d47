"""Commands of Apache's family `queue`, one module each."""
