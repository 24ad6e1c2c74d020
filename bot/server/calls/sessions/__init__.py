"""The Realtime sessions of one call, as sockets: dialled, dialled ahead, or taken idle from the pool.

Which of them a call uses is the core's decision (bot.call.session.failover). Start at `model_sessions`.
"""
