"""Commands of Apache's family `ha`, one module each."""
