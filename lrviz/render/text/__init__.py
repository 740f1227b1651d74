"""A trace as text: tables, CSV, JSON and Markdown."""
