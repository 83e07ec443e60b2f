"""From an image to something that runs: one node, or a cluster on this machine.

``node`` runs a container with the user's terminal in it; ``local`` a cluster by Compose, ``found``
says what is there, ``work`` is done with it, ``owning`` says whose files are that were copied,
``telling`` tells of it; ``monitoring`` adds Prometheus and Grafana. ``plan``, ``ports`` and
``sizes`` are pure.
"""
