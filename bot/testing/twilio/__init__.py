"""A simulated Twilio: its REST API, the calls behind it, and the people they reach.

Nothing here simulates the model. Start at `simulated_twilio`.
"""
