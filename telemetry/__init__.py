"""What the platform says of itself: log, traces, numbers. No personal data in any of them."""
