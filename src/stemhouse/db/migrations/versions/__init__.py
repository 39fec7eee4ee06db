"""One file per step: dated, importing no models, redeclaring what it touches."""
