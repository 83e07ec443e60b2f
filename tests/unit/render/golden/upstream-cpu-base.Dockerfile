# Ray 2.60.0 as the Ray project publishes it.
FROM docker.io/rayproject/ray:2.60.0-py311-cpu@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
