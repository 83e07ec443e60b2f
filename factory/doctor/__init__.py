"""What this machine has and lacks for the factory, and how to mend it."""

from factory.doctor.examination import examine

__all__ = ["examine"]
