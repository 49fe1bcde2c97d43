"""Training: Keras lives here and nowhere else."""
