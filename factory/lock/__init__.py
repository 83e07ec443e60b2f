"""Requirements → hashed versions, and tags → digests, in files that are committed."""

from factory.lock.check import mistakes
from factory.lock.files import changes, read_locks, write_files
from factory.lock.images import packages_in
from factory.lock.outdated import as_locked, newer_packages, yanked_packages
from factory.lock.places import LISTS, Book, Key, Place, current, named, places_of
from factory.lock.question import Answer, Question, answer
from factory.lock.rays import newer_rays
from factory.lock.resolve import labels, resolve

__all__ = [
    "LISTS",
    "Answer",
    "Book",
    "Key",
    "Place",
    "Question",
    "answer",
    "as_locked",
    "changes",
    "current",
    "labels",
    "mistakes",
    "named",
    "newer_packages",
    "newer_rays",
    "packages_in",
    "places_of",
    "read_locks",
    "resolve",
    "write_files",
    "yanked_packages",
]
