"""Commands of Apache's family `consumer`, one module each."""
