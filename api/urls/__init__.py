"""Pictures that are fetched by their URL, from public addresses."""
