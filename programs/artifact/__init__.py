"""Compiled programs as files: what one holds, reading one safely, and writing one."""
