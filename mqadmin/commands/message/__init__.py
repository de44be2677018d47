"""Commands of Apache's family `message`, one module each."""
