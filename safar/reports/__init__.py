"""Step 7: reports, one SQL file each, parameters and columns described in its head; for page, API and notebooks."""

from safar.reports.definition import Definition, definition_of, reports
from safar.reports.names import Configured
from safar.reports.parameters import Parameter, check_names, each_once
from safar.reports.report import Report, run

__all__ = [
    "Configured",
    "Definition",
    "Parameter",
    "Report",
    "check_names",
    "definition_of",
    "each_once",
    "reports",
    "run",
]
