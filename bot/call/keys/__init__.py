"""Keys of the telephone: those the caller presses, for the model or for a tool alone, and those pressed for the bot.

Who may speak meanwhile is the floor's. Start at `keypad`.
"""
