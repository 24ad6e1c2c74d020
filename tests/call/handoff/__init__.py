"""The call leaves the bot's hands: transfers, and operators who take it over."""
