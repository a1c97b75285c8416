"""`python -m inmem_pubsub` is `inmem-pubsub`."""

import sys

from inmem_pubsub.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
