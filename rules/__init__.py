"""Rules of the review (规则): pure functions over plain facts; standard library only."""
