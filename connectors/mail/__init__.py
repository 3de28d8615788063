"""Mail to people: as ``.eml`` files in a folder, or by SMTP."""
