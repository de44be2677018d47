"""The broker: controller, one module per request processor, and the managers of its state."""
