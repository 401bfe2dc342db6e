"""Accounts: log-ins, tokens, passwords and sessions. Who may reach which site is not decided here."""
