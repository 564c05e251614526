"""Pages from results: self-contained HTML that can be read without a script or a network."""
