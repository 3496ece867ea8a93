"""`python -m ritornello` is the command."""

from ritornello.cli import entry

if __name__ == "__main__":
    entry()
