"""The factory: from one ``matrix.yaml`` to published Ray images that have been proven to work."""
