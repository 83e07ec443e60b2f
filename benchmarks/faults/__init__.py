"""What goes wrong between a publisher and a registry, made to happen: a proxy with faults, and what
has to hold in spite of them."""
