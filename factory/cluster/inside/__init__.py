"""What runs inside a cluster's head, on its image's Python: nothing of the factory is there."""
