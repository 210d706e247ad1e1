"""docs/reference: kinds, values of charts, commands and names, from where they are said."""
