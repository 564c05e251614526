"""The only place with input and output: command line, files, figures, report."""
