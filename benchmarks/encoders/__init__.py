"""What encoders' settings cost, how large they write, and how much of the picture is left."""
