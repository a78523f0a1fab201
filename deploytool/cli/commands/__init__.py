"""The commands, one module each; ``cli.COMMANDS`` lists them. Imported when they are called."""
