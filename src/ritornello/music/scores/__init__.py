"""MusicXML, kern and MEI, read; MusicXML, written."""
