"""What runs by itself: jobs and schedules, and the worker that does them."""
