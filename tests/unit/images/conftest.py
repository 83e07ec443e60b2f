"""The sample applications are imported as they are in their images: from a folder on the path."""

import sys
from pathlib import Path

for _image in ("ray-app", "ray-rl"):
    sys.path.append(str(Path(__file__).parents[3] / "images" / _image / "app"))
