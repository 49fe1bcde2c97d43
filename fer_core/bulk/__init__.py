"""Very many files in one go: folders, ZIPs and videos into one table, resumable."""

from fer_core.bulk.run import Options, Report, Summary, classify

__all__ = ["Options", "Report", "Summary", "classify"]
