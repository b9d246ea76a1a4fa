"""`pacs-monitor diagnose`: a walk to a DICOM service step by step, what it showed, and a verdict with advice."""
