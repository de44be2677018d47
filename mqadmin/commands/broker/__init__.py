"""Commands of Apache's family `broker`, one module each."""
