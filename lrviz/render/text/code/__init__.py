"""An experiment as the Python that trains with it."""
