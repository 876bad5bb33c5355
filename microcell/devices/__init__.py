"""Contracts with hardware: one folder a kind, each with its contract and its drivers."""
