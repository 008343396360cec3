"""Histories in the field's own form, MEDS (Medical Event Data Standard, package `meds`)."""

from features.meds.exporting import export_meds
from features.meds.importing import import_meds
from features.meds.reports import ExportReport, ImportReport

__all__ = ["ExportReport", "ImportReport", "export_meds", "import_meds"]
