"""Calls and searches as OpenTelemetry spans."""
