"""How outcomes look: tables, JSON, YAML, CSV, hex views, plots, SARIF, progress."""
