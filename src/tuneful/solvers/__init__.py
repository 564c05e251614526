"""How equations are solved."""
