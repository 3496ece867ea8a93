"""Training without a framework: NumPy alone."""
