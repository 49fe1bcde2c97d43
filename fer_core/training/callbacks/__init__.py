"""What happens around the epochs, one callback a file."""
