"""Review committees (评审委员会) and their filing (备案)."""
