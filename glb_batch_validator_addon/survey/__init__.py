"""The library as a whole: what to fix first, duplicates, outliers, scorecards, what changed. Pure."""
