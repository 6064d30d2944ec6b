"""The report for people: one HTML page that needs no server and no network."""

from .page import write_html

__all__ = ["write_html"]
