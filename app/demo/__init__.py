"""Demo data as files, and the play that loads it through the processes, as people would."""
