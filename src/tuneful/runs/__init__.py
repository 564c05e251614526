"""A long job and its folder: configuration, lock, checkpoints, log, resume."""
