"""Processors that can run a network, behind one port: CPU, integrated and discrete GPU."""
