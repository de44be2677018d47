"""Commands of Apache's family `producer`, one module each."""
