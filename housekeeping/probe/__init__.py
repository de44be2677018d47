"""The prober: what a good operator checks every minute, and the health check of one server."""
