"""What shells show on Tab: commands, options, and live names of the cluster."""
