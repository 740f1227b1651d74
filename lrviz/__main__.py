"""`python -m lrviz`."""

from lrviz.cli import main

if __name__ == "__main__":
    main()
