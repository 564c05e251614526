"""Many runs as one study: what is varied, a folder of run folders, workers that may die, one table."""
