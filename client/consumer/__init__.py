"""Pull and push consumers, and what they stand on."""
