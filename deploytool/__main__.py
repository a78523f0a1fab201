"""``python -m deploytool`` is the same program as ``deploytool``."""

from deploytool.cli import main

if __name__ == "__main__":
    main()
