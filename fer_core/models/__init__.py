"""Model folders and what runs them."""
