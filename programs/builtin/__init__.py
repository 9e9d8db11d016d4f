"""The five programs, one file each; each is an entry point of the group ``quincunx.programs``, as any other is."""
