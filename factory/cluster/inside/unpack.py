"""Unpacks the tar archive on standard input into a new folder, and prints where that is."""

import sys
import tarfile
import tempfile


def main():  # type: () -> None
    """Unpack it, as the user whom the container runs as."""
    folder = tempfile.mkdtemp(prefix="submitted-")
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        archive.extractall(folder)  # noqa: S202  # made by the factory a moment ago
    print(folder)


if __name__ == "__main__":
    main()
