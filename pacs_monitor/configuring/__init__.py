"""How a configuration is read: YAML and CSV to trees that know their lines, trees to settings."""
