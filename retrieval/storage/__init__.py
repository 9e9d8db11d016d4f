"""Files that survive a crash, and the home folder that they lie in."""
