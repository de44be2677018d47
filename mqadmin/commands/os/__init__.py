"""Commands on the settings of a host, one module each."""
