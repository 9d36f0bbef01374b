"""JupyterHub's configuration: everything comes from werkbank.yaml.

`jupyterhub_config.d/*.py` is the escape hatch: plain JupyterHub configuration, read last, wins.
"""

import sys
from pathlib import Path

here = Path(__file__).parent
sys.path.insert(0, str(here))

from hub.configure import configure  # noqa: E402 - the checkout is on the path only now
from hub.errors import WerkbankError  # noqa: E402
from hub.runtime import Runtime  # noqa: E402

c = get_config()  # noqa: F821 - JupyterHub provides it
try:
    configure(c, Runtime.from_environment())
except WerkbankError as error:
    sys.exit(str(error))

for extra in sorted((here / "jupyterhub_config.d").glob("*.py")):
    load_subconfig(str(extra))  # noqa: F821 - JupyterHub provides it
