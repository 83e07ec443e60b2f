"""Publishing with faults: what a kill, a rival or a bad registry must not do."""
