"""Commands that read a store's files offline, one module each."""
