"""The melody of a piece: which line it is, and where its beats lie."""
