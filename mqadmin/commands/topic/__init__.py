"""Commands of Apache's family `topic`, one module each."""
