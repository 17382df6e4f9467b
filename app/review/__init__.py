"""Review meetings (评审会议): groups, scores, the secret ballot."""
