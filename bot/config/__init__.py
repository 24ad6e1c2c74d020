"""Settings: every environment variable, its type, default, check and help text.

Nothing here reads the process's environment by itself: `load_settings` takes the mapping it shall read. Start at
`settings_table`, which declares every variable.
"""

from bot.config.advice import missing_for_call, misspelt_among, warnings_about, warnings_about_the_model
from bot.config.loading import SettingsError, load_settings, read_env_file
from bot.config.settings_table import Settings
from bot.config.shown_settings import Shown, effective, env_example, settings_table

__all__ = [
    "Settings",
    "SettingsError",
    "Shown",
    "effective",
    "env_example",
    "load_settings",
    "missing_for_call",
    "misspelt_among",
    "read_env_file",
    "settings_table",
    "warnings_about",
    "warnings_about_the_model",
]
