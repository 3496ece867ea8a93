"""One folder per question: the script, and a README with hardware, versions, corpus, command and table."""
