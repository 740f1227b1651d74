"""Other people's files: a trainer's config becomes a document."""
