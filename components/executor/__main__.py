"""`python -m components.executor` is `joulepilot-node`."""

import sys

from components.executor.cli import main

sys.exit(main())
