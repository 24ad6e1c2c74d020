"""Profiles: settings that hold for some calls in place of the environment's, by the number that was called.

What holds for the whole server is no profile's to change. Start at `profiles`.
"""

from bot.config.profiles.profiles import Profiles, load_profiles, of_profile

__all__ = ["Profiles", "load_profiles", "of_profile"]
