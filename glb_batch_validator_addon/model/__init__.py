"""The vocabulary: frozen dataclasses that cross the borders between rooms. Pure data, imports nothing but errors."""
