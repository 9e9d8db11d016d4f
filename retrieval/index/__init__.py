"""An index on disk: its database, its vector snapshot, and building, reading and searching them."""
