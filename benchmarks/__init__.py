"""One folder per question: a README with hardware, versions, corpus, command and table, and the script that made it."""
