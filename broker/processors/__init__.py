"""Request processors, one module per concern; each `install(controller)` registers its request codes."""
