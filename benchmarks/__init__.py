"""Us and the peers side by side, in one run on one machine: what counts are the ratios."""
