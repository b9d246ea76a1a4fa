"""Nodes that somebody has listed already, in a spreadsheet or an archive, written as files for `nodes_from`."""
