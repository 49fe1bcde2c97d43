"""This machine: settings, files, processes, downloads. Nothing here knows faces."""
