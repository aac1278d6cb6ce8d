"""Plants the fault that PLANTED_IN_TOOL names, in each Python process that finds this file on its path.

The fault's own module decides which of them it concerns.
"""

import os

if _name := os.environ.get("PLANTED_IN_TOOL"):
    from planted.catalogue import fault

    fault(f"tool/{_name}").module.plant()
