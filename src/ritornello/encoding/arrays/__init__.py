"""Read token arrays in .npy and .npz files: the exercise's own data, and anything written like it."""
