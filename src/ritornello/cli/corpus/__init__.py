"""ritornello corpus: make a corpus of tunes, and look at one."""
