"""One module per sub-command; the registry imports a module only when its command runs."""
