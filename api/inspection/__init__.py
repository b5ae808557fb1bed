"""What is looked at before a picture is stored."""
