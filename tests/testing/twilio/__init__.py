"""The simulated Twilio: what it refuses, whom its calls reach, and what they hear."""
