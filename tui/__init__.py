"""The live dashboard: screens that draw what the model knows of a cluster."""
