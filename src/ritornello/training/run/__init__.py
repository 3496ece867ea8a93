"""A training run: its folder, checkpoints, resuming, fine-tuning, measuring, many processes."""
