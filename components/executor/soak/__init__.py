"""A long time with all faults at random: does the executor leave no trace?"""
