"""What the three web ACLs share: how one is made, and their rules."""
