"""``python -m hub.cli``: the same command, for children the hub starts itself."""

from hub.cli import main

if __name__ == "__main__":
    main()
