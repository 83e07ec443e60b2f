"""A corridor to walk along, and a policy that learns to."""
