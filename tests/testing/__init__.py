"""The simulators: they do what Twilio and the Realtime servers were recorded to do. `model_desk` drives the model."""
