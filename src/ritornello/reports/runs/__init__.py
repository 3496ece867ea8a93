"""What is shown of a training run, while it goes on and afterwards."""
