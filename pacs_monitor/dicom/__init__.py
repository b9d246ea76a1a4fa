"""DICOM for checks: what a check of a DICOM node imports beside `pacs_monitor.check`."""

from __future__ import annotations

from pacs_monitor.dicom.check import PEER, PHASE, REJECTIONS, DicomCheck

__all__ = ["PEER", "PHASE", "REJECTIONS", "DicomCheck"]
