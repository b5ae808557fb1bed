"""What identifies a result, and by which tag it is found."""
