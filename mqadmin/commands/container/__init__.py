"""Commands of Apache's family `container`, one module each."""
