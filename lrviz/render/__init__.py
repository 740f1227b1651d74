"""From a trace to what a person reads: figures, tables, text."""
