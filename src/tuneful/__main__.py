"""`python -m tuneful` is `tuneful`."""

from tuneful.cli.beginning import main

if __name__ == "__main__":
    main()
