"""Alert rules: Prometheus rule files, read strictly and evaluated here."""
