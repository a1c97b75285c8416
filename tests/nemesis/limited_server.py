"""The server, with bounds of its core that are no settings: `INMEM_PUBSUB_NEMESIS_LIMITS` is JSON, fields of HubLimits.

With a write of at most a few bytes, and as many a tick for who lags, the rare ways through a tick are the usual ones.
"""

import functools
import json
import os
import sys
from unittest.mock import patch

from inmem_pubsub.cli.main import main
from inmem_pubsub.core import HubLimits

VARIABLE = "INMEM_PUBSUB_NEMESIS_LIMITS"

if __name__ == "__main__":
    limits = json.loads(os.environ[VARIABLE])
    with patch("inmem_pubsub.server.node.HubLimits", functools.partial(HubLimits, **limits)):
        sys.exit(main())
