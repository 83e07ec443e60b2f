"""Whether content keys are sound: random projects, changes of them, and BuildKit as the judge."""
