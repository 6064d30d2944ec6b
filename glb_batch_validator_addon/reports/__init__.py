"""Run results as files for people and machines. Pure: rows in, text out."""
