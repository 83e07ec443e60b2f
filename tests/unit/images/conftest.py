"""The sample application is imported as it is in its image: from a folder on the path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "images" / "ray-app" / "app"))
