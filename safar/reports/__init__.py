"""Reports: one SQL file each, parameters and columns described in its head; for page, API and notebooks."""

from safar.reports.definition import Definition, definition_of, reports
from safar.reports.parameters import Parameter
from safar.reports.report import Report, run

__all__ = ["Definition", "Parameter", "Report", "definition_of", "reports", "run"]
