"""`python -m safar.cli`."""

import sys

from safar.cli.main import main

sys.exit(main())
