"""Hostile policies behind the guard, on made-up nodes: does it still hold the target?"""
