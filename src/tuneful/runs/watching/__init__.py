"""A run seen from another process: without its lock, and without writing anything into its folder."""
