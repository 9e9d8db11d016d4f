"""The commands, one file for each group; `app.cli` names them all."""
