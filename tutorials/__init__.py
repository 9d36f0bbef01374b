"""The lessons of Werkbank: sources, translations, catalogue, and the tools that build notebooks from them."""
