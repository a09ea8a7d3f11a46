"""The pages people look at: of a run, and of a comparison; each is one file that opens anywhere."""

from fluorojax.report.run import write_report

__all__ = ["write_report"]
