"""Every figure that the project promises, measured; `python -m benchmarks` prints them."""
