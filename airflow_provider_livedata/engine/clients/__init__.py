"""Clients of services that more than one part of the engine asks: errors told apart, calls counted, busy ones tried again."""
