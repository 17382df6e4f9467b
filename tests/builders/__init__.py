"""Plain builders: records reached the way the platform reaches them."""
