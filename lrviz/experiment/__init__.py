"""What to replay: pure, frozen data; nothing heavy is imported here."""
