"""Pages that answer one question about fits: which is better, could it be true, what to measure next."""
