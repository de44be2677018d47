"""Commands of Apache's family `controller`, one module each."""
