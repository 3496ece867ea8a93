"""Bach's chorales in four voices: nats per note token, and harmonisations beside the originals."""
