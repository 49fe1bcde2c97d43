"""Many training runs with different settings; the poor ones are stopped early."""
