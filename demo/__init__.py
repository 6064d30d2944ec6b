"""A sample library made by our own code, and what `make demo` does with it."""
