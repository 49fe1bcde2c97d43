"""Find what is wrong with a dataset, and keep what was decided about it."""
