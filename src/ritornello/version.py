"""The program's version, for metadata of files it writes."""

VERSION = "0.1.0"
