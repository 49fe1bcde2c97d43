"""Train networks with Keras: configs, the loop, its callbacks, and runs on disk."""
