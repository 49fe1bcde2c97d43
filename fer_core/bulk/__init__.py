"""Very many files in one go: folders, ZIPs and videos into one table, resumable."""

from fer_core.bulk.plan import Options, Report
from fer_core.bulk.run import Summary, classify

__all__ = ["Options", "Report", "Summary", "classify"]
