"""Where originals are kept: a bucket or a folder, and large files on their way."""
