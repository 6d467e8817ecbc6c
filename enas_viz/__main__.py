"""`python -m enas_viz` is the command `enas-viz`."""

from enas_viz.cli import main

if __name__ == "__main__":
    main()
