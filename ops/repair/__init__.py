"""What operations know: find a stuck order, cure it, replay it; shared by command line and API."""
