"""JPEG XL: pixels by imagecodecs, everything before them (container, header, frames, profile) read here."""
